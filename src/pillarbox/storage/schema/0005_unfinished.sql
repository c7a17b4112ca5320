-- What is being taken in, by a restore or a move, and is not there as a whole; nobody else may use the store then.
CREATE TABLE unfinished (
    what TEXT PRIMARY KEY
);
