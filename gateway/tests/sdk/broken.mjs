// Applications that misbehave, each at a path of its own: node broken.mjs <port>
import { createRequire } from 'node:module';

const { WebSocketServer } = createRequire(import.meta.url)('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), handleProtocols: () => 'ws.jambonz.org' });
const hooks = { statusHook: '/status', statusEvents: ['join'], actionHook: '/done' };
const conference = (name) => [
  { verb: 'conference', name: `broken-${name}`, speakOnlyTo: 'agent', ...(name === 'never' && hooks) },
  { verb: 'conference', name: `broken-${name}-after`, memberTag: 'moved' },
];

server.on('connection', (socket, request) => {
  const name = request.url.slice(1);
  socket.on('error', () => {});
  socket.on('message', (text) => {
    const { type, msgid, data } = JSON.parse(text);
    console.log(JSON.stringify({ path: name, type, data }));
    const ack = () => socket.send(JSON.stringify({ type: 'ack', msgid, data: conference(name) }));
    if (name === 'slow') return setTimeout(ack, 2500);
    // Hooks are never acknowledged.
    if (!type.startsWith('session:')) return;
    if (name === 'silent') return;
    if (name === 'vanishes') return socket.terminate();
    if (name === 'garbage') {
      for (const wrong of ['{', '[]', '{"type":"command","command":"redirect"}', '\u0000']) socket.send(wrong);
    }
    ack();
    if (name === 'twice') ack();
    if (name === 'big' && type === 'session:new') socket.send('x'.repeat(10 * 1024 * 1024));
    // A frame of 500 bytes of which ten come.
    if (name === 'halfway' && type === 'session:new') {
      setTimeout(() => socket._socket.end(Buffer.concat([Buffer.from([0x81, 126, 1, 244]), Buffer.from('{"type":"c')])), 200);
    }
    if (name === 'closes' && type === 'session:new') setTimeout(() => socket.close(1011), 200);
    if (name === 'finished') setTimeout(() => socket.close(1000), 200);
    if (name === 'floods') {
      for (let n = 0; n < 500; n++) socket.send(JSON.stringify({ type: 'command', command: 'dub', data: { n } }));
    }
  });
});
server.on('listening', () => console.log('listening'));
