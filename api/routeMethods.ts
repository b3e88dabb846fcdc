import type { RouterRoute } from 'hono/types';

/** Which methods a path has, so that a wrong one is answered 405 and not 404. Slow, and only asked for errors. */
export function methodsOf(routes: readonly RouterRoute[], path: string): string[] {
  const methods = new Set<string>();
  for (const route of routes) {
    // Middleware is registered for every method.
    if (route.method !== 'ALL' && isMatch(route.path, path)) methods.add(route.method);
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

function isMatch(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return false;
  return wanted.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]));
}
