import type { Socket } from 'node:net';

/** What is behind a socket of Node's, which its types leave out. */
type Handle = { close(done?: () => void): void; reset?(done?: () => void): number };
type WithHandle = { _handle?: (Handle & { _parent?: Handle }) | null };

/**
 * Destroys a socket so that what was written to it, and is not on the network yet, never will be. `destroy` alone closes it, and the system goes
 * on sending what is in its buffer, for minutes where packets are lost: a batch that was given up would be written after newer ones of
 * its keys. A reset drops it.
 *
 * Node's own `resetAndDestroy` waits until all is written, and does nothing for TLS; so the handle is asked, which is no public interface.
 * Where it isn't there, the socket is destroyed alone (test/unit/broker-connection.test.ts would say so).
 */
export function resetSocket(socket: Socket, reason: Error): void {
  // Node's types have no handles.
  const handle = (socket as unknown as WithHandle)._handle;
  const tcp = handle?._parent ?? handle;
  const reset = tcp?.reset?.bind(tcp);
  // A socket that is being shut down can't be reset, and one that is not connected has nothing to send.
  if (tcp && reset && !socket.writableEnded && !socket.connecting) tcp.close = (done) => void reset(done);
  socket.destroy(reason);
}
