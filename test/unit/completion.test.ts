import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
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

test('bash completes commands, commands below them, and options', async () => {
  const script = await scriptFor('bash');
  expect(offered(script, 'de')).toEqual(['destinations', 'dead-letters']);
  expect(offered(script, 'destinations', '')).toEqual(['list', 'show', '--help']);
  expect(offered(script, 'destinations', 'list', '--c')).toEqual(['--customer']);
  expect(offered(script, 'replay', 'dst_1', '--l')).toEqual(['--lane']);
  expect(offered(script, 'lanes', '--state', 'x', '--li')).toEqual(['--limit']);
});

test('the script for zsh is one that zsh can read', async () => {
  const script = await scriptFor('zsh');
  expect(script).toContain("'dead-letters:what a destination did not take for good, and why'");
  const { error, status, stderr } = spawnSync('zsh', ['-n'], { input: script, encoding: 'utf8' });
  if (!error) expect([status, stderr]).toEqual([0, '']); // Where there is a zsh.
});
