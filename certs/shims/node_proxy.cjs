// Loaded into Node by NODE_OPTIONS=--require=…, as `aex run` and `aex env` set it.
//
// Node before 22.21, and 23 to 24.4, does not read HTTPS_PROXY: `https` and `fetch` would go
// around AEX. This sends what they open through the proxy, by CONNECT, and nothing else: the
// verification of certificates, and every request and answer, are Node's own. It needs no package.
// A later Node does it by itself (NODE_USE_ENV_PROXY), but not for an https.Agent of a program's
// own, nor without one (agent: false): there it does only these. Bun and Deno are left alone.

'use strict';

(() => {
  const flags = process.allowedNodeEnvironmentFlags;
  if (process.versions.bun || process.versions.deno) return;
  if (!flags) return;
  const reads = flags.has('--use-env-proxy');
  const proxy = address(process.env.HTTPS_PROXY || process.env.https_proxy);
  if (!proxy) return;

  const http = require('http');
  const https = require('https');
  const net = require('net');
  const tls = require('tls');

  const listed = process.env.NO_PROXY || process.env.no_proxy || '';
  const exceptions = listed.toLowerCase().split(/[\s,]+/).filter(Boolean);

  patch(http.Agent, (socket) => socket);
  patch(https.Agent, (socket, options, original) => original({ ...options, socket }));
  if (!reads && typeof fetch === 'function') routeFetch();

  function address(text) {
    try {
      const url = new URL(text);
      return url.protocol === 'http:' ? url : null;
    } catch {
      return null;
    }
  }

  function isDirect(name) {
    const host = String(name).toLowerCase().replace(/^\[|\]$/g, '');
    return exceptions.some((exception) => {
      const suffix = exception.replace(/^\*?\./, '.');
      return suffix === '*' || host === suffix || (suffix[0] === '.' && host.endsWith(suffix));
    });
  }

  // Calls back with a socket that leads to host:port through the proxy.
  function tunnel(host, port, done) {
    const target = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
    const headers = { host: target };
    if (proxy.username) {
      const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
      headers['proxy-authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    const where = { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port || 80 };
    // With a connection of its own no agent is asked for one, and none asks here again.
    const options = { method: 'CONNECT', path: target, headers, createConnection };
    function createConnection() {
      return net.connect(where);
    }
    const request = http.request(options);
    request.once('error', done);
    request.once('response', (answer) => refuse(answer));
    request.once('connect', (answer, socket, head) => {
      if (answer.statusCode !== 200) return refuse(answer, socket);
      if (head.length) socket.unshift(head);
      socket.setNoDelay(true);
      return done(null, socket);
    });
    request.end();

    function refuse(answer, socket = answer.socket) {
      socket.destroy();
      done(new Error(`the proxy refused ${target} with status ${answer.statusCode}`));
    }
  }

  function patch(agent, finish) {
    const original = agent.prototype.createConnection;
    agent.prototype.createConnection = function createConnection(options, done, ...rest) {
      const host = options && (options.host || options.hostname);
      const ours = host && typeof done === 'function' && !options.socketPath && !options.socket;
      const led = reads && this.options && this.options.proxyEnv;
      if (!ours || led || isDirect(host)) return original.call(this, options, done, ...rest);
      tunnel(host, options.port, (error, socket) => {
        if (error) return done(error);
        return done(null, finish(socket, options, (...words) => original.apply(this, words)));
      });
      return undefined;
    };
  }

  // fetch asks a dispatcher that lies under a public symbol as soon as undici is loaded.
  function routeFetch() {
    const symbol = Symbol.for('undici.globalDispatcher.1');
    void globalThis.Response;
    const direct = globalThis[symbol];
    if (!direct) return;
    const Agent = direct.constructor;
    class Routed extends Agent {
      dispatch(options, handler) {
        if (isDirect(new URL(options.origin).hostname)) return direct.dispatch(options, handler);
        return super.dispatch(options, handler);
      }
    }
    globalThis[symbol] = new Routed({ connect });
  }

  function connect(options, done) {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    const port = options.port || (options.protocol === 'https:' ? 443 : 80);
    tunnel(host, port, (error, socket) => {
      if (error) return done(error, null);
      if (options.protocol !== 'https:') return done(null, socket);
      const servername = options.servername || (net.isIP(host) ? undefined : host);
      const secured = tls.connect({ socket, host, servername, ALPNProtocols: ['http/1.1'] });
      const failed = (problem) => done(problem, null);
      secured.once('error', failed);
      secured.once('secureConnect', () => {
        secured.removeListener('error', failed);
        done(null, secured);
      });
      return undefined;
    });
  }
})();
