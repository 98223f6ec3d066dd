// The three parts of a support call, with @jambonz/sdk over websocket: npm install && node whisper.mjs
import { createServer } from 'node:http';
import { createEndpoint } from '@jambonz/sdk/websocket';

const { PORT = 3000, BUTTONS_PORT = 3001 } = process.env;
const name = 'support-conference-23';
const server = createServer();
const makeService = createEndpoint({ server });

makeService({ path: '/customer' }).on('session:new', (session) => {
  session.answer().conference({ name }).send();
});

makeService({ path: '/agent' }).on('session:new', (session) => {
  session.answer().conference({ name, startConferenceOnEnter: true, endConferenceOnExit: true, memberTag: 'agent' }).send();
});

let manager;
makeService({ path: '/manager' }).on('session:new', (session) => {
  manager = session;
  // Private from the first frame on: heard by the agent alone.
  session.answer().conference({ name, speakOnlyTo: 'agent' }).send();
  // A command that fails is told so; one that succeeds is not answered.
  session.on('jambonz:error', (error) => console.error(error));
  session.on('close', () => {
    if (manager === session) manager = undefined;
  });
});

server.listen(Number(PORT), '127.0.0.1');

// In mid-call. This takes the place of the buttons of your own page:
//   curl http://127.0.0.1:3001 --data '{"action": "uncoach"}'                  # barge in
//   curl http://127.0.0.1:3001 --data '{"action": "coach", "tag": "agent"}'    # whisper again
createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  try {
    if (!manager) throw new Error('the manager is not in a call');
    manager.injectCommand('conf:participant-action', JSON.parse(body));
    response.statusCode = 202;
    response.end('Accepted\n');
  } catch (error) {
    response.statusCode = 422;
    response.end(`${error.message}\n`);
  }
}).listen(Number(BUTTONS_PORT), '127.0.0.1');
