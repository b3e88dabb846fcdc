import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowBundle } from '../../worker/workflowBundle.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

test('workflows are bundled once for the same code, and anew when it changes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'workflow-bundle-'));
  const cacheDir = join(root, 'cache');
  try {
    for (const folder of ['workflows', 'domain']) await mkdir(join(root, folder));
    const converter = join(root, 'domain', 'payloadConverter.ts');
    await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
    await writeFile(join(root, 'package-lock.json'), '{}');
    await writeFile(converter, "export { defaultPayloadConverter as payloadConverter } from '@temporalio/common';");
    const write = (text: string) => writeFile(join(root, 'workflows', 'index.ts'), text);
    const bundled = () =>
      workflowBundle(new DefaultLogger('ERROR'), { root, cacheDir, payloadConverterPath: converter });

    await write('export const theFirst = async () => 1;');
    const { code } = await bundled();
    expect(code).toContain('theFirst');
    const [file = ''] = await readdir(cacheDir);
    await writeFile(join(cacheDir, file), 'from the folder');
    expect((await bundled()).code).toBe('from the folder');
    await write('export const theSecond = async () => 2;');
    expect((await bundled()).code).toContain('theSecond');
    await write('export const theFirst = async () => 1;');
    expect((await bundled()).code).toBe('from the folder');
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
