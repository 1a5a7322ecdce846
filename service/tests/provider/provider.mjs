// A certified OpenID provider for the tests: `node provider.mjs FOLDER REDIRECT`, FOLDER being that of node_modules.
// Prints its issuer. Whoever signs in as NAME:GROUP,GROUP is in these groups.
import {createRequire} from 'node:module';
import {createServer} from 'node:http';
import {pathToFileURL} from 'node:url';

const [modules, redirect] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/index.js`));
const {default: Provider} = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const server = createServer();
await new Promise((up) => server.listen(0, '127.0.0.1', up));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{client_id: 'emp-cost', client_secret: 'client-secret', redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code']}],
  claims: {openid: ['sub', 'groups', 'email'], profile: [], email: [], groups: []},
  conformIdTokenClaims: false,
  scopes: ['openid', 'profile', 'email', 'groups'],
  cookies: {keys: ['a key of a test']},
  pkce: {required: () => true},
  async findAccount(ctx, id) {
    const [name, groups] = id.split(':');
    return {accountId: id, claims: async () => ({sub: id, email: `${name}@example.com`, groups: groups ? groups.split(',') : []})};
  },
});
server.on('request', provider.callback());
console.log(issuer);
