// The same as run_sdk.py, with SDKs of Node, which NODE_PATH leads to.
'use strict';

const CAP = { max_tokens: 64 };
const said = (content) => ({ messages: [{ role: 'user', content }], ...CAP });

const sdks = {
  openai() {
    const OpenAI = require('openai');
    const { completions } = new OpenAI().chat;
    const ask = (more) => completions.create({ model: 'gpt-4o-mini', ...more });
    return {
      once: async (text) => (await ask(said(text))).choices[0].message.content,
      stream: (text) => ask({ ...said(text), stream: true }),
      piece: (chunk) => chunk.choices[0]?.delta.content,
    };
  },
  anthropic() {
    const Anthropic = require('@anthropic-ai/sdk');
    const { messages } = new Anthropic();
    const ask = (more) => messages.create({ model: 'claude-haiku-4-5', ...more });
    return {
      once: async (text) => (await ask(said(text))).content[0].text,
      stream: (text) => ask({ ...said(text), stream: true }),
      piece: (event) => event.delta?.text,
    };
  },
  genai() {
    const { GoogleGenAI } = require('@google/genai');
    const { models } = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
    const asked = (contents) => ({
      model: 'gemini-2.5-flash', contents, config: { maxOutputTokens: 64 },
    });
    return {
      once: async (text) => (await models.generateContent(asked(text))).text,
      stream: (text) => models.generateContentStream(asked(text)),
      piece: (chunk) => chunk.text,
    };
  },
};

async function calls(name) {
  const { once, stream, piece } = sdks[name]();
  let whole;
  try {
    whole = await once('Say it.');
  } catch (error) {
    return { failed: String(error) };
  }
  const pieces = [];
  for await (const each of await stream('Say it.')) pieces.push(piece(each) ?? '');
  const told = { json: whole, text: pieces.join(''), pieces: pieces.length };
  try {
    await once('word '.repeat(5000));
  } catch (error) {
    return { ...told, denied: [error.status, error.message], raised: error.constructor.name };
  }
  return told;
}

async function main(names) {
  const told = {};
  for (const name of names) told[name] = await calls(name);
  console.log(JSON.stringify(told));
}

main(process.argv.slice(2));
