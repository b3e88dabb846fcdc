import type { Api } from './api.ts';
import type { Io } from './io.ts';

/** What every command works with. The API is looked for when a command needs it: help needs none. */
export type Context = { io: Io; api(): Promise<Api> };
