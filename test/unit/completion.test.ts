import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../cli/main.ts';

async function scriptFor(shell: string): Promise<string> {
  let script = '';
  const io = { ask: async () => undefined, env: {}, cwd: '/', isTerminal: false, stop: new AbortController().signal };
  const out = (text: string): void => {
    script += text;
  };
  expect(await main(['completion', shell], { ...io, out, err: out })).toBe(0);
  return script;
}

/** What bash offers after these words, the last of which is being typed. */
function offered(script: string, ...words: string[]): string[] {
  const typed = ['causeway', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _causeway; echo "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split(' ');
}

test('bash completes commands, commands below them, options, and their values where these are fixed', async () => {
  const script = await scriptFor('bash');
  expect(offered(script, 'de')).toEqual(['destinations', 'dead-letters']);
  expect(offered(script, 'destinations', 'l')).toEqual(['list']);
  expect(offered(script, 'destinations', 'list', '--c')).toEqual(['--customer']);
  expect(offered(script, 'audit', '--')).toEqual(['--subject', '--key-id', '--limit', '--json', '--help']);
  expect(offered(script, 'replay', 'dst_1', '--l')).toEqual(['--lane']);
  expect(offered(script, 'lanes', '--state', 'x', '--li')).toEqual(['--limit']);
  expect(offered(script, 'completion', '')).toEqual(['bash', 'zsh', '--help']);
  expect(offered(script, 'lanes', 'dst_1', '--state', 'P')).toEqual(['Parked', 'Paused']);
  expect(offered(script, 'replays', 'start', '--status', '')).toEqual(['parked', 'delivered', 'any']);
  // As bash cuts `--status=de` and `--status=` into words.
  expect(offered(script, 'replay', '--status', '=', 'de')).toEqual(['delivered']);
  expect(offered(script, 'replay', '--status', '=')).toEqual(['parked', 'delivered', 'any']);
  expect(offered(script, 'replay', 'dst_1', '--lane', '')).toEqual(['']);
});

/** Completes all that fits, writes the line to $LINES_FILE and empties it: what a person would see, for a program. */
const zshrc = `
autoload -Uz compinit && compinit -D -u
all-matches() { _main_complete; compstate[insert]=all; compstate[list]= }
zle -C all-matches complete-word all-matches
line-out() { print -r -- "$BUFFER" >> "$LINES_FILE"; BUFFER= }
zle -N line-out
bindkey '^I' all-matches
bindkey '^T' line-out
PROMPT='ready> '
eval "$(< "$ZDOTDIR/script")"
`;
const driver = `
zmodload zsh/zpty
zpty shell zsh -i
zpty -r shell seen '*ready> *'
for line in "$@"; do zpty -n -w shell "$line"$'\\t\\x14'; done
zpty -w shell 'exit'
while zpty -r shell seen; do :; done
`;
const zsh = spawnSync('zsh', ['-fc', 'zmodload zsh/zpty'], { encoding: 'utf8' });
const hasZsh = !zsh.error && zsh.status === 0;

/** What each line became in a real zsh on a terminal when tab was pressed at its end. */
async function completed(lines: readonly string[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-zsh-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const written = join(dir, 'lines');
  await writeFile(join(dir, 'script'), await scriptFor('zsh'));
  await writeFile(join(dir, '.zshrc'), zshrc);
  const env = { ...process.env, ZDOTDIR: dir, LINES_FILE: written, TERM: 'dumb' };
  const { status, stderr } = spawnSync('zsh', ['-fc', driver, 'zsh', ...lines], {
    env,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect([status, stderr]).toEqual([0, '']);
  return (await readFile(written, 'utf8')).trimEnd().split('\n');
}

test.skipIf(!hasZsh)('zsh, on a terminal of its own, completes the same (skipped where there is no zsh)', async () => {
  const wanted = {
    'causeway doc': 'causeway doctor ',
    'causeway de': 'causeway dead-letters destinations ',
    'causeway destinations l': 'causeway destinations list ',
    'causeway destinations list --c': 'causeway destinations list --customer ',
    'causeway lanes dst_1 --state P': 'causeway lanes dst_1 --state Parked Paused ',
    'causeway replays start --status de': 'causeway replays start --status delivered ',
    'causeway replay --status=de': 'causeway replay --status=delivered ',
    'causeway completion ': 'causeway completion --help bash zsh ',
    'causeway replay dst_1 --lane ': 'causeway replay dst_1 --lane ',
  };
  const lines = await completed(Object.keys(wanted));
  expect(lines.map((line) => line.trimEnd())).toEqual(Object.values(wanted).map((line) => line.trimEnd()));
});
