// The three parts of a support call, with @jambonz/sdk over websocket: npm install @jambonz/sdk && node whisper.mjs
import { createServer } from 'node:http';
import { createEndpoint } from '@jambonz/sdk/websocket';

const server = createServer();
const makeService = createEndpoint({ server });
const name = 'support-conference-23';

makeService({ path: '/customer' }).on('session:new', (session) => {
  session.answer().conference({ name }).send();
});

makeService({ path: '/agent' }).on('session:new', (session) => {
  session.answer().conference({ name, startConferenceOnEnter: true, endConferenceOnExit: true, memberTag: 'agent' }).send();
});

makeService({ path: '/manager' }).on('session:new', (session) => {
  // Private from the first frame on: heard by the agent alone.
  session.answer().conference({ name, speakOnlyTo: 'agent' }).send();
  session.on('jambonz:error', (error) => console.error(error));
  // In mid-call, for example:
  //   session.injectCommand('conf:participant-action', { action: 'uncoach' });              // barge in
  //   session.injectCommand('conf:participant-action', { action: 'coach', tag: 'agent' });  // whisper again
});

server.listen(3000, '127.0.0.1');
