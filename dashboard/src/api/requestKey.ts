import { useState } from 'react';

const keyBytes = 16;

/** A new idempotency key. Not `crypto.randomUUID`, which a page has over TLS alone. */
export function newRequestKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(keyBytes));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The same for as long as the dialog is open: what is sent again after a failure is done once. */
export const useRequestKey = (): string => useState(newRequestKey)[0];
