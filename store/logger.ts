/** The part of pino's logger that the store uses. */
export type StoreLogger = { warn(fields: object, message: string): void; error(fields: object, message: string): void };
