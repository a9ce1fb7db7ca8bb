// What both judges do with their standard input: conversations, each a length (four bytes, the lowest first) and so many bytes,
// are judged so many at once, and a line is printed for each.
'use strict';

const AT_ONCE = 200;

function cut(bytes) {
  const conversations = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    conversations.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return conversations;
}

// `judge` takes a list of conversations and gives a line for each, sooner or later.
exports.each = async (judge) => {
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  const conversations = cut(Buffer.concat(pieces));
  for (let at = 0; at < conversations.length; at += AT_ONCE) {
    const lines = await judge(conversations.slice(at, at + AT_ONCE));
    process.stdout.write(`${lines.join('\n')}\n`);
  }
};
