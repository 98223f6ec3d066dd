// Asks by one of the REST clients: node rest.mjs <sdk|node-client> <base url> <account_sid> <key> <method, such as calls.list> <arguments>. Prints
// what the client returns, as JSON; what it throws, it says and exits with 1.
import { createRequire } from 'node:module';
import { JambonzClient } from '@jambonz/sdk/client';

const require = createRequire(import.meta.url);
const [library, baseUrl, accountSid, apiKey, method, args] = process.argv.slice(2);
const client =
  library === 'sdk' ? new JambonzClient({ baseUrl, accountSid, apiKey }) : require('@jambonz/node-client')(accountSid, apiKey, { baseUrl });
const [resource, name] = method.split('.');
try {
  console.log(JSON.stringify((await client[resource][name](...JSON.parse(args))) ?? null));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
