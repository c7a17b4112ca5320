// jmap-jam (from npm) lives through a first day: arguments are the session's URL, then addresses and tokens of two users.
// It is found in the folder that NODE_CLIENTS names (`npm install jmap-jam` there).

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.NODE_CLIENTS}/`));
const { default: JamClient } = await import(pathToFileURL(require.resolve("jmap-jam")));
const [sessionUrl, alice, aliceToken, bob, bobToken] = process.argv.slice(2);
const sender = new JamClient({ sessionUrl, bearerToken: aliceToken });
const receiver = new JamClient({ sessionUrl, bearerToken: bobToken });
const accountId = await sender.getPrimaryAccount();
const bobs = await receiver.getPrimaryAccount();

// Mailboxes, search, and a whole mail with its attachment.
const [{ list: mailboxes }] = await sender.api.Mailbox.get({ accountId, ids: null });
const box = Object.fromEntries(mailboxes.filter((m) => m.role).map((m) => [m.role, m.id]));
const [{ found, snippets }] = await sender.requestMany((t) => {
  const query = t.Email.query({ accountId, filter: { text: "harbour" }, calculateTotal: true });
  const found = t.Email.get({ accountId, ids: query.$ref("/ids"), fetchAllBodyValues: true });
  const snippets = t.SearchSnippet.get({ accountId, filter: { text: "harbour" }, emailIds: query.$ref("/ids") });
  return { query, found, snippets };
});
assert(found.list.length > 2 && snippets.list.length === found.list.length);
const [{ ids }] = await sender.api.Email.query({ accountId, filter: { hasAttachment: true }, limit: 1 });
const [{ list: [carrier] }] = await sender.api.Email.get({ accountId, ids, properties: ["attachments", "mailboxIds"] });
const part = carrier.attachments[0];
const octets = await sender.downloadBlob({ accountId, blobId: part.blobId, mimeType: part.type, fileName: part.name ?? "part" });
assert.equal((await octets.arrayBuffer()).byteLength, part.size);

// Flag and move.
await sender.api.Email.set({ accountId, update: { [carrier.id]: { "keywords/$flagged": true, mailboxIds: { [box.archive]: true } } } });
const [{ list: [moved] }] = await sender.api.Email.get({ accountId, ids: [carrier.id], properties: ["keywords", "mailboxIds"] });
assert.deepEqual(moved.mailboxIds, { [box.archive]: true });
assert.equal(moved.keywords.$flagged, true);

// Draft and send; the other account hears of it. (Jam's EventSource cannot log in: the stream is read by fetch.)
const [{ state }] = await receiver.api.Email.get({ accountId: bobs, ids: [] });
const { eventSourceUrl } = await receiver.session;
const url = eventSourceUrl.replace("{types}", "*").replace("{closeafter}", "state").replace("{ping}", "0");
const stream = await fetch(url, { headers: { Authorization: `Bearer ${bobToken}` } });
const content = new Uint8Array(30000).map((_, index) => index);
const blob = await sender.uploadBlob(accountId, content, { headers: { Authorization: `Bearer ${aliceToken}`, "Content-Type": "image/x" } });
const [{ list: [identity] }] = await sender.api.Identity.get({ accountId, ids: null });
const draft = {
  mailboxIds: { [box.drafts]: true },
  keywords: { $draft: true },
  from: [{ email: alice }],
  to: [{ name: "Bob Ünlü", email: bob }],
  subject: "By jam",
  textBody: [{ partId: "t", type: "text/plain" }],
  bodyValues: { t: { value: "Hello, Bob.\n" } },
  attachments: [{ blobId: blob.blobId, type: "image/x", name: "数.bin" }],
};
const sent = { [`mailboxIds/${box.drafts}`]: null, [`mailboxIds/${box.sent}`]: true, "keywords/$draft": null };
const [{ list: before }] = await sender.api.Email.get({ accountId, ids: null, properties: ["id"] });
const [{ created: { draft: { id } } }] = await sender.api.Email.set({ accountId, create: { draft } });
await sender.api.EmailSubmission.set(
  { accountId, create: { send: { emailId: id, identityId: identity.id } }, onSuccessUpdateEmail: { "#send": sent } },
  { using: ["urn:ietf:params:jmap:mail"] },
);
assert.match(await stream.text(), /StateChange/);
const [{ list: after }] = await sender.api.Email.get({ accountId, ids: null, properties: ["id"] });
assert.equal(after.length, before.length + 1);
const [changes] = await receiver.api.Email.changes({ accountId: bobs, sinceState: state });
const [{ list: [mail] }] = await receiver.api.Email.get({ accountId: bobs, ids: changes.created, fetchTextBodyValues: true });
assert.equal(mail.subject, "By jam");
assert.equal(mail.bodyValues[mail.textBody[0].partId].value.trim(), "Hello, Bob.");
const [attached] = mail.attachments;
const back = await receiver.downloadBlob({ accountId: bobs, blobId: attached.blobId, mimeType: attached.type, fileName: "数.bin" });
assert.deepEqual(new Uint8Array(await back.arrayBuffer()), content);
