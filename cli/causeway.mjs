#!/usr/bin/env node
// The code runs as it is: tsx loads the TypeScript.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('./main.ts');
const { processIo } = await import('./io.ts');

process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1)); // `causeway … | head`
process.exitCode = await main(process.argv.slice(2), processIo());
