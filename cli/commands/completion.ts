import { Argument, type Command } from 'commander';
import type { Context } from '../context.ts';

type Word = { name: string; about: string };
/** What may follow `words` (the commands so far): commands below them, options, and the values of an argument that has but these. */
type Level = { words: string; commands: Word[]; options: Word[]; choices: string[]; valued: Valued[] };
/** An option that takes a value, and what it may be; empty where that is up to who types. */
type Valued = { name: string; choices: string[] };

/** `causeway completion bash` and `… zsh`: a script to source, made from the commands that there are. */
export function completionCommand(program: Command, { io }: Context): void {
  program
    .command('completion')
    .description('a script that lets your shell complete commands, options and their values')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .addHelpText('after', '\nbash: eval "$(causeway completion bash)"    zsh: eval "$(causeway completion zsh)"')
    .action((shell: string) => {
      const levels = levelsOf(program, '');
      io.out(shell === 'bash' ? bashOf(levels) : zshOf(levels));
    });
}

function levelsOf(command: Command, words: string): Level[] {
  const commands = command.commands.map((one) => ({ name: one.name(), about: one.description() }));
  const named = command.options.flatMap(({ long, ...option }) => (long ? [{ ...option, name: long }] : []));
  const options = named.map(({ name, description: about }) => ({ name, about }));
  const valued = named
    .filter(({ required }) => required)
    .map(({ name, argChoices = [] }) => ({ name, choices: argChoices }));
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const below = command.commands.flatMap((one) => levelsOf(one, `${words} ${one.name()}`.trim()));
  return [
    { words, commands, choices, valued, options: [...options, { name: '--help', about: 'what there is' }] },
    ...below,
  ];
}

/** A shell's cases that take `at` one word further down; both shells write them the same. */
const wordCases = (levels: readonly Level[]): string =>
  levels
    .filter(({ words }) => words !== '')
    .map(({ words }) => `      '${words.includes(' ') ? '' : ' '}${words}') at='${words}' ;;`)
    .join('\n');

/** After an option that takes a value its values alone are offered, or nothing. */
const valueCases = (levels: readonly Level[], set: (values: readonly string[]) => string): string =>
  levels
    .flatMap(({ words, valued }) =>
      valued.map(({ name, choices }) => `    '${words} ${name}') ${set(choices)}; return ;;`),
    )
    .join('\n');

const bashValues = (values: readonly string[]): string =>
  values.length === 0 ? 'COMPREPLY=()' : `COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$typed"))`;

/** The words so far without options decide; `COMP_WORDS` holds the program's own name first, and a `=` is a word of its own. */
const bashOf = (levels: readonly Level[]): string => `# eval "$(causeway completion bash)"
_causeway() {
  local at= word words typed="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  [ "$typed" = = ] && typed=
  [ "$before" = = ] && before="\${COMP_WORDS[COMP_CWORD-2]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
${wordCases(levels)}
    esac
  done
  case "$at $before" in
${valueCases(levels, bashValues)}
  esac
  case "$at" in
${levels
  .map(
    ({ words, commands, choices, options }) =>
      `    '${words}') words='${[...choices, ...[...commands, ...options].map(({ name }) => name)].join(' ')}' ;;`,
  )
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$typed"))
}
complete -F _causeway causeway
`;

const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
const described = ({ name, about }: Word): string => `'${name}:${quoted(about)}'`;
const zshValues = (values: readonly string[]): string =>
  values.length === 0 ? "_message 'a value'" : `compadd -- ${values.join(' ')}`;

const zshOf = (levels: readonly Level[]): string => `#compdef causeway
# eval "$(causeway completion zsh)"
_causeway() {
  local at= word before="\${words[CURRENT-1]}"
  local -a candidates
  if [[ "\${words[CURRENT]}" == --*=* ]]; then
    before="\${words[CURRENT]%%=*}"
    compset -P '*='
  fi
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
${wordCases(levels)}
    esac
  done
  case "$at $before" in
${valueCases(levels, zshValues)}
  esac
  case "$at" in
${levels
  .map(({ words, commands, choices, options }) => {
    const all = [...choices.map((one) => `'${one}'`), ...[...commands, ...options].map(described)];
    return `    '${words}') candidates=(${all.join(' ')}) ;;`;
  })
  .join('\n')}
  esac
  _describe causeway candidates
}
compdef _causeway causeway
`;
