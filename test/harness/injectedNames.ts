import dns, { type LookupAddress, type LookupAllOptions, type LookupOptions } from 'node:dns';
import dnsPromises from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';

type Names = Record<string, readonly (readonly string[])[]>;
type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;

/**
 * Has this process's resolver, Node's `lookup`, answer for these names: the first look-up of a name gets the first answer, the last one
 * stays. All other names go to the system. Answers what takes it back.
 */
export function injectNames(names: Names): { asked: (name: string) => number; remove: () => void } {
  const [lookup, lookupPromise] = [dns.lookup, dnsPromises.lookup];
  const counts = new Map<string, number>();
  const answerFor = (name: string): LookupAddress[] | undefined => {
    const answers = names[name];
    if (!answers) return undefined;
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    const found = answers[Math.min(count, answers.length - 1)] ?? [];
    return found.map((address) => ({ address, family: isIP(address) }));
  };
  const injected = (name: string, options: LookupOptions, callback: Callback): void => {
    const found = answerFor(name);
    if (!found) lookup(name, options as LookupAllOptions, callback as never);
    else
      process.nextTick(() =>
        options.all ? callback(null, found) : callback(null, found[0]?.address, found[0]?.family),
      );
  };
  // Types of the overloads of Node's own: what it gets is what Node gives its own.
  dns.lookup = injected as typeof dns.lookup;
  dnsPromises.lookup = (async (name: string, options: LookupOptions) =>
    answerFor(name) ?? (await lookupPromise(name, options))) as typeof dnsPromises.lookup;
  syncBuiltinESMExports();
  return {
    asked: (name) => counts.get(name) ?? 0,
    remove: () => {
      Object.assign(dns, { lookup });
      Object.assign(dnsPromises, { lookup: lookupPromise });
      syncBuiltinESMExports();
    },
  };
}
