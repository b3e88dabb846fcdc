import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';

type Lock = { port: number; token: string };

/** Whether the holder of this lock answers. A pid would not do: numbers are used again after a restart of the machine. */
function isHeld({ port, token }: Lock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    let heard = '';
    const over = () => {
      socket.destroy();
      resolve(heard === token);
    };
    socket.on('data', (data) => {
      heard += data;
    });
    for (const event of ['end', 'timeout', 'error'] as const) socket.on(event, over);
  });
}

/** Takes the lock file, or returns undefined where another process of this machine holds it. It ends with the process. */
export async function takeLock(file: string): Promise<{ release(): Promise<void> } | undefined> {
  const seen = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Lock,
    () => undefined,
  );
  if (seen && (await isHeld(seen))) return undefined;
  await rm(file, { force: true });
  const token = randomBytes(16).toString('hex');
  const server = createServer((socket) => {
    socket.on('error', () => {}); // Who asked may be gone before we answered.
    socket.end(token);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  // "wx": of two that start at the same moment, one finds the other's file.
  const taken = await writeFile(file, JSON.stringify({ port, token }), { flag: 'wx', mode: 0o600 }).then(
    () => true,
    () => false,
  );
  server.unref();
  if (!taken) return (server.close(), undefined);
  return { release: () => rm(file, { force: true }) };
}
