-- Which human being an operator is: a keyed hash of the number of a document, null where nobody said. One human has one account.
alter table operator add column human bytea unique;
