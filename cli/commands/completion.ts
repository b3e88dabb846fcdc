import { Argument, type Command } from 'commander';
import type { Context } from '../context.ts';

/** What may follow `words` (the commands so far): commands below it, and options with their choices. */
type Level = { words: string; commands: { name: string; about: string }[]; options: string[] };

/** `causeway completion bash` and `… zsh`: a script to source, made from the commands that there are. */
export function completionCommand(program: Command, { io }: Context): void {
  program
    .command('completion')
    .description('a script that lets your shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .addHelpText('after', '\nbash: eval "$(causeway completion bash)"    zsh: eval "$(causeway completion zsh)"')
    .action((shell: string) => {
      const levels = levelsOf(program, '');
      io.out(shell === 'bash' ? bashOf(levels) : zshOf(levels));
    });
}

function levelsOf(command: Command, words: string): Level[] {
  const commands = command.commands.map((one) => ({ name: one.name(), about: one.description() }));
  const options = [...command.options.map(({ long }) => long ?? ''), '--help'].filter(Boolean);
  const below = command.commands.flatMap((one) => levelsOf(one, `${words} ${one.name()}`.trim()));
  return [{ words, commands, options }, ...below];
}

/** A shell's cases that take `at` one word further down; both shells write them the same. */
const wordCases = (levels: readonly Level[]): string =>
  levels
    .filter(({ words }) => words !== '')
    .map(({ words }) => `      '${words.includes(' ') ? '' : ' '}${words}') at='${words}' ;;`)
    .join('\n');

/** The words so far without options decide; `COMP_WORDS` holds the program's own name first. */
const bashOf = (levels: readonly Level[]): string => `# eval "$(causeway completion bash)"
_causeway() {
  local at= word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
${wordCases(levels)}
    esac
  done
  case "$at" in
${levels
  .map(
    ({ words, commands, options }) =>
      `    '${words}') words='${[...commands.map(({ name }) => name), ...options].join(' ')}' ;;`,
  )
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _causeway causeway
`;

const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');

const zshOf = (levels: readonly Level[]): string => `#compdef causeway
# eval "$(causeway completion zsh)"
_causeway() {
  local at= word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
${wordCases(levels)}
    esac
  done
  case "$at" in
${levels
  .map(({ words, commands, options }) => {
    const all = [
      ...commands.map(({ name, about }) => `'${name}:${quoted(about)}'`),
      ...options.map((one) => `'${one}'`),
    ];
    return `    '${words}') candidates=(${all.join(' ')}) ;;`;
  })
  .join('\n')}
  esac
  _describe causeway candidates
}
compdef _causeway causeway
`;
