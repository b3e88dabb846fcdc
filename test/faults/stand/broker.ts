import { join } from 'node:path';
import { type KafkaServer, startOwnKafka } from '../../../dev/servers/kafka.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { type HarmfulProxy, startToxiproxy } from '../../../dev/servers/toxiproxy.ts';
import type { FaultAuth } from '../fault.ts';
import { type Access, accessBy, brokerWith, forEachAuth, type OpenedWay, type WaysIn } from './waysIn.ts';

/** A broker that can be come to in every way, straight and through a proxy that does harm. */
export type FaultBroker = KafkaServer & {
  straight: Readonly<Record<FaultAuth, Access>>;
  proxied: Readonly<Record<FaultAuth, Access & { proxy: HarmfulProxy }>>;
};

export async function startFaultBroker(
  dir: string,
  ways: WaysIn,
  keep: (stop: () => Promise<void>) => void,
): Promise<FaultBroker> {
  const logDir = join(dir, 'logs');
  const toxiproxy = await startToxiproxy({ logDir });
  keep(() => toxiproxy.stop());
  const opened: OpenedWay[] = [];
  const at = (port: number): string[] => [`127.0.0.1:${port}`];
  const openProxied = async (by: FaultAuth): Promise<FaultBroker['proxied'][FaultAuth]> => {
    const [port, advertisedPort] = [await freePort(), await freePort()];
    const name = `${by.toUpperCase()}_PROXIED`;
    opened.push({ name, by, port, advertisedPort });
    const proxy = await toxiproxy.open(name, advertisedPort, port);
    return { ...accessBy(ways, by, at(advertisedPort)), proxy };
  };
  const openStraight = async (by: FaultAuth): Promise<Access> => {
    const port = await freePort();
    opened.push({ name: by.toUpperCase(), by, port });
    return accessBy(ways, by, at(port));
  };
  const straight = await forEachAuth(openStraight);
  const proxied = await forEachAuth(openProxied);
  const broker = await startOwnKafka({ dataDir: join(dir, 'kafka'), logDir, ...brokerWith(ways, opened) });
  keep(() => broker.stop());
  return Object.assign(broker, { straight, proxied });
}
