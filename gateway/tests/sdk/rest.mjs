// Places a call by each of the REST clients: node create.mjs <base url> <account_sid> <key> <body>. Prints the sids, a line each.
import { createRequire } from 'node:module';
import { JambonzClient } from '@jambonz/sdk/client';

const require = createRequire(import.meta.url);
const [baseUrl, accountSid, apiKey, body] = process.argv.slice(2);
const clients = [new JambonzClient({ baseUrl, accountSid, apiKey }), require('@jambonz/node-client')(accountSid, apiKey, { baseUrl })];
for (const client of clients) console.log(await client.calls.create(JSON.parse(body)));
