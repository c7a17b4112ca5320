-- The text index: its rowid is email_index.doc. `scope` holds the account as a token, so that one index serves all accounts;
-- `marks` holds the names of header fields as tokens.
CREATE VIRTUAL TABLE text_index USING fts5 (
    scope, sender, recipient, cc, bcc, subject, body, attachment, marks,
    content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
