// The certified `oidc-provider` as a city's staff directory: asked by one line of JSON, it answers with its issuer.
// Its sign-in page believes any name; `two` says whether it asked for a second factor.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const said = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: said.clients,
  cookies: { keys: ['only for a test'] },
  acrValues: ['urn:city:two'],
  pkce: { required: () => true },
  claims: { openid: ['sub'], acr: null, amr: null, auth_time: null, sid: null },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  // Its own guard against inner hosts would keep it from this machine, where the test is.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error) => console.error(error));

const page = (uid) => `<!doctype html><html lang="en"><title>City ID</title><main><h1>City ID</h1>
<form method="post" action="/interaction/${uid}"><label>Name <input name="name" autofocus></label>
<label>Two factors <input type="checkbox" name="two" checked></label><button>Sign in</button></form></main>`;

server.on('request', async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return provider.callback()(request, response);
  const details = await provider.interactionDetails(request, response);
  if (request.method === 'GET') return response.setHeader('content-type', 'text/html').end(page(details.uid));
  let body = '';
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const login = { accountId: form.get('name'), acr: form.get('two') ? 'urn:city:two' : 'urn:city:one', amr: ['pwd'] };
  return provider.interactionFinished(request, response, { login });
});
console.log(JSON.stringify({ issuer }));
