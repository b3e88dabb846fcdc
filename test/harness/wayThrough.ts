/** A way to a server that a test can cut: TCP, with nothing changed on it. */
import { connect, createServer, type Socket } from 'node:net';
import { track } from './running.ts';

export type WayThrough = {
  /** `host:port` that leads to the server. */
  address: string;
  /** Connections break, and new ones are refused at once. */
  cut(): void;
  /** What is sent on open connections arrives, and no answer comes back; new connections are refused. */
  loseAnswers(): void;
  mend(): void;
  stop(): Promise<void>;
};

export async function wayThroughTo(server: string): Promise<WayThrough> {
  const { hostname, port } = new URL(`tcp://${server}`);
  const sockets = new Set<Socket>();
  /** Each with what leads on from it to its sender. */
  const answering = new Map<Socket, Socket>();
  let isCut = false;
  let isLosing = false;
  const broken = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    answering.clear();
  };
  const listener = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(Number(port), hostname);
    answering.set(far, near);
    far.on('close', () => answering.delete(far));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const ownPort = typeof address === 'object' && address ? address.port : 0;
  return {
    address: `127.0.0.1:${ownPort}`,
    cut: () => {
      isCut = true;
      broken();
    },
    loseAnswers: () => {
      isCut = true;
      isLosing = true;
      for (const [far, near] of answering) far.unpipe(near).resume();
    },
    mend: () => {
      if (isLosing) broken(); // A connection that has lost some of its bytes makes no sense any more.
      isCut = false;
      isLosing = false;
    },
    stop: track('a way to a server', async () => {
      broken();
      await new Promise((resolve) => listener.close(resolve));
    }),
  };
}
