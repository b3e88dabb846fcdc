import { createHash, X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { innermost, NamedError } from './failureNames.ts';

/**
 * Throws `CLIENT_CERTIFICATE_EXPIRED`. A broker refuses such a certificate after our side of the handshake is over (TLS 1.3), with
 * an alert that a reset connection may swallow: here the cause has a name.
 */
export function checkClientCertificate(pem: string): void {
  const { validTo } = new X509Certificate(pem);
  if (Date.parse(validTo) > Date.now()) return;
  throw new NamedError({ name: 'CLIENT_CERTIFICATE_EXPIRED', message: `Our client certificate ended on ${validTo}.` });
}

/** TLS alerts (RFC 8446, section 6.2) about the certificate that we showed, or did not show, as Node.js's codes end. */
const alertEnd =
  /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:UNKNOWN|EXPIRED|REVOKED|REQUIRED)|ACCESS_DENIED)$/;

/** The alert, in words, with which the other side refused our certificate; undefined where the error is something else. */
export function certificateAlert(error: unknown): string | undefined {
  const inner = innermost(error);
  const code = inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return alertEnd.exec(code)?.[1]?.toLowerCase().replaceAll('_', ' ');
}

/** What such an alert means for us. */
export function certificateRefused(alert: string, address: string, wasShown: boolean): NamedError {
  return wasShown
    ? new NamedError({
        name: 'CLIENT_CERTIFICATE_REFUSED',
        message: `${address} does not take our client certificate: ${alert} (its TLS alert).`,
      })
    : new NamedError({
        name: 'CLIENT_CERTIFICATE_MISSING',
        message: `${address} wants a client certificate, and we showed none: ${alert} (its TLS alert).`,
      });
}

/** So many are asked at once by this process. */
const askedMax = 8;
/** Who had nothing to say of our certificate is not asked again for so long, in ms: then it is the network, or the broker. */
const silentForMs = 30_000;
const silentMax = 1_000;

/**
 * Asks brokers that have broken a connection off whether it was for our certificate. That is another connection, and may take seconds:
 * so few are asked at once, and none again and again.
 */
export class AlertsAsked {
  private underWay = 0;
  /** By address and certificate, for a broker may take one of ours and not another: until when, in ms of `performance.now()`. */
  private readonly silentUntilMs = new Map<string, number>();

  /**
   * Resolves to the alert, in words; to undefined where there is none, or it was not asked. `open` makes the connection, which shows
   * the certificate in `ssl`, or none.
   */
  async of(
    { address, ssl }: { address: string; ssl: Pick<ConnectionOptions, 'cert'> },
    open: () => TLSSocket,
    timeoutMs: number,
  ): Promise<string | undefined> {
    const asked = `${address} ${digestOf(ssl.cert)}`;
    const nowMs = performance.now();
    if (this.underWay >= askedMax || nowMs < (this.silentUntilMs.get(asked) ?? 0)) return undefined;
    this.underWay++;
    try {
      const alert = await alertAfterHandshake(open, timeoutMs);
      if (alert === undefined) this.noteSilent(asked);
      else this.silentUntilMs.delete(asked);
      return alert;
    } finally {
      this.underWay--;
    }
  }

  private noteSilent(asked: string): void {
    this.silentUntilMs.delete(asked); // So that the longest known is first.
    this.silentUntilMs.set(asked, performance.now() + silentForMs);
    const [longest] = this.silentUntilMs.keys();
    if (this.silentUntilMs.size > silentMax && longest !== undefined) this.silentUntilMs.delete(longest);
  }
}

const digestOf = (cert: ConnectionOptions['cert']): string =>
  createHash('sha256')
    .update(String(cert ?? ''))
    .digest('base64');

/**
 * Makes the handshake and says nothing then, until the other side has. With TLS 1.3 it looks at our certificate when our side of the
 * handshake is over; what we have written by then makes its system reset the connection, and that swallows the alert.
 * Resolves to the alert, in words; to undefined where our certificate is taken, or nothing is said within `timeoutMs`.
 */
function alertAfterHandshake(open: () => TLSSocket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = open();
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(error && certificateAlert(error));
    };
    const timer = setTimeout(end, timeoutMs);
    socket.on('error', end);
    socket.once('close', () => end());
    socket.once('session', () => end()); // A session that may be resumed is given once we are let in.
    socket.resume();
  });
}
