// The same three parts over webhooks: npm install && WEBHOOK_SECRET=change-me node webhook.mjs
// In the settings, give http://127.0.0.1:3000/customer and so on as call_hook.
import { createServer } from 'node:http';
import { WebhookResponse } from '@jambonz/sdk/webhook';

const { PORT = 3000, WEBHOOK_SECRET = '' } = process.env;
const verify = WebhookResponse.verifySignature(WEBHOOK_SECRET);
const name = 'support-conference-23';
const parts = {
  '/customer': { name },
  '/agent': { name, startConferenceOnEnter: true, endConferenceOnExit: true, memberTag: 'agent' },
  '/manager': { name, speakOnlyTo: 'agent' },
};

createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  try {
    request.body = JSON.parse(body);
  } catch {
    response.statusCode = 400;
    return response.end();
  }
  verify(request, response, (error) => {
    const part = parts[request.url];
    if (error || !part) {
      response.statusCode = error ? 401 : 404;
      return response.end();
    }
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(new WebhookResponse().answer().conference(part)));
  });
}).listen(Number(PORT), '127.0.0.1');
