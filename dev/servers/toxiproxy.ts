import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, isInstalled, requireTools, run, type Tool } from './install.ts';
import { freePort } from './ports.ts';
import { longStep } from './progress.ts';
import { type Server, startServer } from './server.ts';

const version = '2.12.0';
const goModule = `github.com/Shopify/toxiproxy/v2/cmd/server@v${version}`;

/** What the proxy does to one direction of its connections; the names and attributes are toxiproxy's own. */
export type Toxic = {
  type: 'latency' | 'bandwidth' | 'timeout' | 'reset_peer' | 'limit_data';
  /** `upstream`: from the client to the server. */
  stream: 'upstream' | 'downstream';
  attributes: Record<string, number>;
};

export type ToxiproxyServer = Server & {
  /** Has it listen on this port for connections that it hands on to the other one, both on loopback. */
  open(name: string, port: number, upstreamPort: number): Promise<HarmfulProxy>;
};

export type HarmfulProxy = {
  add(toxic: Toxic): Promise<void>;
  /** Takes every toxic away; toxiproxy closes the connections that one of them held up. */
  clear(): Promise<void>;
};

const folder = `toxiproxy-${version}`;

export const toxiproxyTools = async (): Promise<Tool[]> => ((await isInstalled(folder)) ? [] : ['go']);

/** The path of the fault-injecting proxy, built where missing. */
export async function toxiproxyPath(): Promise<string> {
  const dir = await installed(folder, async (partial) => {
    await requireTools('go');
    await longStep(`Building toxiproxy ${version} from the Go registry`, 'about 10 seconds, once', () =>
      run('go', ['install', goModule], { env: { GOBIN: partial }, timeoutMs: 15 * 60_000 }),
    );
    await rename(join(partial, 'server'), join(partial, 'toxiproxy-server'));
  });
  return join(dir, 'toxiproxy-server');
}

async function call(url: string, method: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(5_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`toxiproxy: ${method} ${url} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const proxyAt = (url: string): HarmfulProxy => {
  const names = new Set<string>();
  return {
    add: async (toxic) => {
      const name = `${toxic.type}_${toxic.stream}`;
      await call(`${url}/toxics`, 'POST', { ...toxic, name, toxicity: 1 });
      names.add(name);
    },
    clear: async () => {
      for (const name of names) {
        await call(`${url}/toxics/${name}`, 'DELETE');
        names.delete(name);
      }
    },
  };
};

/** A proxy of our own that does harm when told to. */
export async function startToxiproxy({ logDir }: { logDir: string }): Promise<ToxiproxyServer> {
  const command = await toxiproxyPath();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'toxiproxy',
    command,
    args: ['-host', '127.0.0.1', '-port', String(port)],
    cwd: tmpdir(),
    logFile: join(logDir, 'toxiproxy.log'),
    ready: () => call(`${url}/version`, 'GET'),
  });
  const open: ToxiproxyServer['open'] = async (name, listenPort, upstreamPort) => {
    const upstream = `127.0.0.1:${upstreamPort}`;
    await call(`${url}/proxies`, 'POST', { name, listen: `127.0.0.1:${listenPort}`, upstream, enabled: true });
    return proxyAt(`${url}/proxies/${name}`);
  };
  return Object.assign(server, { open });
}
