import type { Socket } from 'node:net';

/** As `guardFrames` of activities/kafka/connectionGuard.ts has it. */
const frameBytesMax = 16 * 1024 * 1024;
const lengthBytes = 4;
const frameBytesMin = 4;

/**
 * Calls `broken` for a frame of an impossible length. `@platformatic/kafka` gathers up to 2 GiB in memory for one, and has no place to
 * look at lengths: so a listener of ours hears each chunk before it does.
 */
export function watchFrames(socket: Socket, broken: (error: Error) => void): void {
  let head: Buffer = Buffer.alloc(0);
  let left = 0;
  socket.on('data', (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const taken = Math.min(left, chunk.length - at);
        left -= taken;
        at += taken;
        continue;
      }
      head = Buffer.concat([head, chunk.subarray(at, at + lengthBytes - head.length)]);
      at += Math.min(chunk.length - at, lengthBytes);
      if (head.length < lengthBytes) return;
      left = head.readInt32BE(0);
      head = Buffer.alloc(0);
      if (left >= frameBytesMin && left <= frameBytesMax) continue;
      const error = new Error('The other side does not speak the Kafka protocol.', {
        cause: new Error(`A frame of ${left} bytes is none.`),
      });
      return broken(error);
    }
  });
}
