-- What was destroyed, in the order in which it is forgotten: what was destroyed while it was hidden stands in the log where
-- it was hidden, and waits longer than what is around it.
CREATE INDEX record_destroyed ON record (account, type, modseq, id, touched) WHERE destroyed = 1;
