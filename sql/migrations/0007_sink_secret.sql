-- Sinks that are reached by e-mail instead of a URL, and the secret that a signed webhook shares with its receiver.

ALTER TABLE account.sink_secret
  ALTER COLUMN url DROP NOT NULL,
  ADD COLUMN secret text,
  ADD COLUMN recipients text[],
  ADD CONSTRAINT reached_in_one_way CHECK (num_nonnulls(url, recipients) = 1);
