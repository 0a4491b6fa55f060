// The same as run_client.py, with Node's own clients: `fetch`, `https`, and `agent`, which is
// https with an agent that keeps connections.
'use strict';

const https = require('https');

const url = 'https://api.openai.com/v1/chat/completions';
const headers = {
  authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
  'content-type': 'application/json',
};
const keeping = new https.Agent({ keepAlive: true });

const clients = {
  async fetch(body) {
    const answer = await fetch(url, { method: 'POST', headers, body });
    return [answer.status, await answer.text()];
  },
  https: (body) => viaHttps(body, undefined),
  agent: (body) => viaHttps(body, keeping),
};

function viaHttps(body, agent) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: 'POST', headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => (text += piece));
      answer.on('end', () => resolve([answer.statusCode, text]));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function calls(client) {
  const ask = (content, stream) => client(JSON.stringify({
    model: 'gpt-4o-mini', messages: [{ role: 'user', content }], max_tokens: 64, stream,
  }));
  const [, whole] = await ask('Say it.', false);
  const [, streamed] = await ask('Say it.', true);
  const [status, refusal] = await ask('word '.repeat(5000), false);
  const lines = streamed.split('\n\n').filter((line) => line && !line.endsWith('[DONE]'));
  const chunks = lines.map((line) => JSON.parse(line.slice('data: '.length)));
  const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '');
  return {
    json: JSON.parse(whole).choices[0].message.content,
    text: pieces.join(''),
    pieces: pieces.length,
    denied: [status, JSON.parse(refusal).error.message],
  };
}

async function main(names) {
  const told = {};
  for (const name of names) {
    told[name] = await calls(clients[name]).catch((error) => ({ failed: String(error) }));
  }
  console.log(JSON.stringify(told));
  keeping.destroy();
}

main(process.argv.slice(2));
