// An application for the gateway's tests, with one of the official SDKs: node app.mjs <sdk|node-client-ws|webhook> <port> <script> <control>
//
// The script says, for each path, with which verbs a call begins and with which a hook is answered, or which file is there. What comes
// is printed, a line of JSON each. At the port <control>, a POST has a session do something in mid-call.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [library, port, file, controlPort] = process.argv.slice(2);
const script = JSON.parse(readFileSync(file, 'utf8'));
const sessions = new Map();

const tell = (path, event, data) => console.log(JSON.stringify({ path, event, data }));
const say = (builder, verbs) => verbs.reduce((chain, [verb, options]) => chain[verb](options ?? {}), builder);

const read = async (request) => {
  let body = '';
  for await (const part of request) body += part;
  return body;
};

// A session does what the test wants.
const control = async (request, response) => {
  const { path, inject, send, queue, reply } = JSON.parse(await read(request));
  const session = sessions.get(path);
  try {
    if (inject) session.injectCommand(...inject);
    if (send) say(session, send).send();
    if (queue) say(session, queue).send({ execImmediate: false });
    if (reply) say(session, reply).reply();
    response.end('done');
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
};

// What a session of either websocket SDK does with its call.
const serve = (path, { verbs, hooks }) => (session) => {
  sessions.set(path, session);
  tell(path, 'session:new', session.data);
  session.on('call:status', (data) => tell(path, 'call:status', data));
  session.on('jambonz:error', (data) => tell(path, 'jambonz:error', data));
  session.on('verb:status', (data) => tell(path, 'verb:status', data));
  session.on('session:reconnect', (data) => tell(path, 'session:reconnect', data ?? null));
  session.on('error', (error) => tell(path, 'error', String(error)));
  session.on('close', (code) => tell(path, 'close', code));
  for (const [hook, answer] of Object.entries(hooks ?? {})) {
    session.on(hook, (data) => {
      tell(path, hook, data);
      if (answer.silent) return;
      say(session, answer.verbs ?? []).reply();
    });
  }
  say(session, verbs).send();
};

const answer = async (request, response) => {
  if (library === 'webhook') return webhook(request, response);
  response.statusCode = 404;
  response.end();
};
// With a certificate, where the test has one for it.
const { TLS_CERTIFICATE, TLS_KEY } = process.env;
const server = TLS_KEY
  ? createTlsServer({ cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) }, answer)
  : createServer(answer);

let webhook;
if (library === 'sdk') {
  const { createEndpoint } = await import('@jambonz/sdk/websocket');
  const makeService = createEndpoint({ server });
  for (const [path, calls] of Object.entries(script)) makeService({ path }).on('session:new', serve(path, calls));
} else if (library === 'node-client-ws') {
  const { createEndpoint } = require('@jambonz/node-client-ws');
  const makeService = createEndpoint({ server });
  for (const [path, calls] of Object.entries(script)) {
    const service = makeService({ path });
    service.on('session:new', serve(path, calls));
    service.on('session:reconnect', (session) => {
      sessions.set(path, session);
      tell(path, 'session:reconnect', session.data);
      session.on('call:status', (data) => tell(path, 'call:status', data));
      for (const [hook, answer] of Object.entries(calls.hooks ?? {})) {
        session.on(hook, (data) => {
          tell(path, hook, data);
          say(session, answer.verbs ?? []).reply();
        });
      }
      session.reply();
    });
  }
} else {
  const { WebhookResponse } = await import('@jambonz/sdk/webhook');
  const { WebhookResponse: Older } = require('@jambonz/node-client');
  const check = (verify, request) =>
    new Promise((resolve) => {
      try {
        verify(request, { status: () => ({ json: () => resolve('refused'), send: () => resolve('refused') }), sendStatus: resolve }, (error) =>
          resolve(error ? String(error) : 'verified'));
      } catch (error) {
        resolve(String(error));
      }
    });
  webhook = async (request, response) => {
    const raw = await read(request);
    request.body = raw ? JSON.parse(raw) : null;
    request.get = (name) => request.headers[name.toLowerCase()];
    const verified = [];
    for (const verify of [WebhookResponse.verifySignature('wh-secret'), Older.verifyJambonzSignature('wh-secret')]) {
      verified.push(await check(verify, request));
    }
    const path = request.url;
    const known = script[path];
    tell(path, 'request', { method: request.method, verified, body: request.body, authorization: request.headers.authorization ?? null });
    if (!known) {
      response.statusCode = 404;
      return response.end();
    }
    if (known.file) return response.setHeader('Content-Type', 'audio/wav').end(readFileSync(known.file));
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(say(new WebhookResponse(), known.verbs)));
  };
}
createServer(control).listen(Number(controlPort), '127.0.0.1', () =>
  server.listen(Number(port), '127.0.0.1', () => tell('', 'listening', null)));
