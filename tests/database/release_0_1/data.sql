-- What stood in a database of release 0.1.0 that its server had filled: reports sent over HTTP one by one and in batches, some
-- deleted, two services erased, two days expired, a purge in between. Schema account is left out.
INSERT INTO baseline.api_key VALUES
  ('01a20517-295d-7064-b70e-fecf28a52f9c', 'First key', 'my-app', true, NULL, NULL, '{}', '2026-11-22 21:08:53.89633+00', 'system', NULL, 22),
  ('01a20517-32c5-7b22-b9f3-3174bce3a49d', 'shop key', 'shop', true, NULL, NULL, '{}', '2026-11-22 21:08:56.141957+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:08:00+00', 25),
  ('01a20517-3328-785c-9428-8665197c593b', 'jobs key', 'jobs', true, NULL, NULL, '{}', '2026-11-22 21:08:56.233009+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:08:00+00', 27),
  ('01a20517-3310-7643-a036-d858fdbcb765', 'api key', 'api', true, NULL, 6000, '{}', '2026-11-22 21:08:56.213519+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:08:00+00', 26);
INSERT INTO baseline.api_key_hour VALUES
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 12:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 16:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 12:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 16:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 16:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 12:00:00+00', 1),
  ('01a20517-32c5-7b22-b9f3-3174bce3a49d', '2026-11-22 21:00:00+00', 3),
  ('01a20517-3310-7643-a036-d858fdbcb765', '2026-11-22 21:00:00+00', 3),
  ('01a20517-3328-785c-9428-8665197c593b', '2026-11-22 21:00:00+00', 11);
INSERT INTO baseline.api_key_minute VALUES
  ('01a20517-3310-7643-a036-d858fdbcb765', '2026-11-22 21:08:00+00', 3);
INSERT INTO baseline.api_key_secret VALUES
  ('\x2c62fa1ebf772130596fbeac41f160d6540e1fcb5743ece4d80e6f0eda6bcc9d', '01a20517-295d-7064-b70e-fecf28a52f9c', 'avl_3ZsEGt', '2026-11-22 21:08:53.89633+00', NULL),
  ('\x5892e456d5fb91fdcd4d65a81dfa211186ffb9e295d712e472f3c4f215c2d2f1', '01a20517-32c5-7b22-b9f3-3174bce3a49d', 'avl_I56xhD', '2026-11-22 21:08:56.141957+00', NULL),
  ('\x021bbe8be287b272cdeb1a5b8542eab6353e736a97d10fa0e3a1df390d0d1a9c', '01a20517-3310-7643-a036-d858fdbcb765', 'avl_v87yLX', '2026-11-22 21:08:56.213519+00', NULL),
  ('\xa1cf3507b55259995bda0916122a1cd66f4f16999098d475bfeb1ea9016a4cc1', '01a20517-3328-785c-9428-8665197c593b', 'avl_uQBC2s', '2026-11-22 21:08:56.233009+00', NULL);
INSERT INTO baseline.app_user VALUES
  ('01a20517-295d-7ed6-bc68-a10c900e5177', 'admin', false, '2026-11-22 21:08:53.89633+00', 'system', '2026-11-22 21:08:55.98202+00', 21),
  ('01a20517-3341-76f4-add6-df389159ecc4', 'viewer', false, '2026-11-22 21:08:56.389359+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', NULL, 28);
INSERT INTO baseline.deleted_report VALUES
  (30, '2026-11-22 21:08:56.478557+00'),
  (32, '2026-11-22 21:08:56.56771+00');
INSERT INTO baseline.epoch VALUES
  (23, 22, '7711105781382086627', 1);
INSERT INTO baseline.erasure VALUES
  (51, 'api', '2026-11-22 01:00:00+00');
INSERT INTO baseline.expired_day VALUES
  ('2026-11-19', 9, 5),
  ('2026-11-20', 15, 5);
INSERT INTO baseline.group_hour VALUES
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-19 00:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-19 08:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-19 16:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-20 08:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-20 16:00:00+00', 1),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-20 00:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-21 16:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-21 08:00:00+00', 1),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-21 00:00:00+00', 1),
  ('96d611e8-9eed-8193-b85b-6b5e1c97cb83', '2026-11-22 21:00:00+00', 2),
  ('24502d53-6ff2-80ec-abca-f491b15868d3', '2026-11-22 21:00:00+00', 8),
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', '2026-11-22 21:00:00+00', 2),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', '2026-11-22 21:00:00+00', 2),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', '2026-11-22 21:00:00+00', 1);
INSERT INTO baseline.hour_count VALUES
  ('shop', '2026-11-19 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-19 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-19 16:00:00+00', 'fatal', 'staging', 1),
  ('shop', '2026-11-20 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-20 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-20 16:00:00+00', 'fatal', 'staging', 1),
  ('shop', '2026-11-21 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-21 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-21 16:00:00+00', 'fatal', 'staging', 1),
  ('jobs', '2026-11-22 21:00:00+00', 'warning', 'staging', 1),
  ('api', '2026-11-22 21:00:00+00', 'fatal', 'staging', 1),
  ('api', '2026-11-22 21:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-22 21:00:00+00', 'error', 'prod', 1),
  ('jobs', '2026-11-22 21:00:00+00', 'warning', 'prod', 1),
  ('shop', '2026-11-22 21:00:00+00', 'error', 'staging', 1),
  ('api', '2026-11-22 21:00:00+00', 'fatal', 'prod', 0),
  ('jobs', '2026-11-22 21:00:00+00', 'error', '', 9);
INSERT INTO baseline.issue VALUES
  ('e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'unresolved', '2026-11-19 00:00:00+00', 2),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'unresolved', '2026-11-19 04:00:00+00', 4),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'unresolved', '2026-11-19 08:00:00+00', 6),
  ('d77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'unresolved', '2026-11-19 12:00:00+00', 8),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'unresolved', '2026-11-19 16:00:00+00', 10),
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'unresolved', '2026-11-22 21:08:56.478557+00', 31),
  ('96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'unresolved', '2026-11-22 21:08:56.605613+00', 34),
  ('24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'unresolved', '2026-11-22 21:08:57.015984+00', 48),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'unresolved', '2026-11-22 21:08:57.139316+00', 53);
INSERT INTO baseline.issue_group VALUES
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'TimeoutError', 'boom number 4', '01a20517-16ee-7dac-94eb-684ea24e15c9', 'fatal', '2026-11-19 16:00:00+00', '2026-11-21 16:00:00+00', 3),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', 'e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'KeyError', 'user 0 not found', '01a20517-1681-74d2-bf23-c81b7a14d7b6', 'error', '2026-11-19 00:00:00+00', '2026-11-21 00:00:00+00', 3),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', 'f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'ValueError', 'boom number 2', '01a20517-16d8-794a-b41f-27c7632125e9', 'warning', '2026-11-19 08:00:00+00', '2026-11-21 08:00:00+00', 3),
  ('96d611e8-9eed-8193-b85b-6b5e1c97cb83', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'ValueError', 'boom number 2', '01a20517-349c-7dc2-9c30-58c91d3abc8a', 'warning', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:08:00+00', 2),
  ('24502d53-6ff2-80ec-abca-f491b15868d3', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'BatchError', 'batch thing 0', '01a20517-3635-7fd5-b01e-a2a4cb3c4e89', 'error', '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:00+00', 8),
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'KeyError', NULL, NULL, 'error', '2026-11-22 21:08:56.478557+00', '2026-11-22 21:08:00+00', 2),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'TimeoutError', NULL, NULL, 'fatal', '2026-11-19 04:00:00+00', '2026-11-22 21:08:00+00', 2),
  ('d77ca06d-e0b5-8dea-a89f-505252849db6', 'd77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'KeyError', NULL, NULL, 'error', '2026-11-19 12:00:00+00', '2026-11-21 12:00:00+00', 0),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', '770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'LateError', 'after the erasure', '01a20517-36b2-70c4-9dd2-53255b8420b0', 'error', '2026-11-22 21:08:57.139316+00', '2026-11-22 21:08:00+00', 1);
INSERT INTO baseline.minute_count VALUES
  ('shop', '2026-11-21 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-21 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-21 16:00:00+00', 'fatal', 'staging', 1),
  ('jobs', '2026-11-22 21:08:00+00', 'warning', 'staging', 1),
  ('jobs', '2026-11-22 21:08:00+00', 'warning', 'prod', 1),
  ('shop', '2026-11-22 21:08:00+00', 'error', 'prod', 1),
  ('api', '2026-11-22 21:08:00+00', 'error', 'prod', 1),
  ('api', '2026-11-22 21:08:00+00', 'fatal', 'staging', 1),
  ('shop', '2026-11-22 21:08:00+00', 'error', 'staging', 1),
  ('api', '2026-11-22 21:08:00+00', 'fatal', 'prod', 0),
  ('jobs', '2026-11-22 21:08:00+00', 'error', '', 9);
INSERT INTO baseline.sealed VALUES
  (true, 55, '2026-11-22 21:09:02.009571+00');
INSERT INTO baseline.service VALUES
  ('shop', '2026-11-19 00:00:00+00', '2026-11-22 21:08:00+00'),
  ('api', '2026-11-19 04:00:00+00', '2026-11-22 21:08:00+00'),
  ('jobs', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:08:00+00');
INSERT INTO baseline.sink VALUES
  ('01a20517-33e8-78eb-abfd-96a491481af3', 'discord', 'Night', true, '{fatal}', NULL, 0, 0, 0, NULL, NULL, NULL, '2026-11-22 21:08:56.436463+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', 29);
INSERT INTO log.event OVERRIDING SYSTEM VALUE VALUES
  (2, '440ec6d8-4f48-4a38-aee8-b902e666f5fd', 'issue.opened', 'e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'error', 'prod', '1.0', '2026-11-19 00:00:00+00', '2026-11-19 00:00:00+00', 'policy:open_issue', '{"group": "e9fc0fa1-6165-8263-9555-c48078fba421", "report": "01a20517-1681-74d2-bf23-c81b7a14d7b6"}'),
  (4, '11d56ae6-fdb2-4b13-9c98-a8590a52de85', 'issue.opened', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'staging', '1.1', '2026-11-19 04:00:00+00', '2026-11-19 04:00:00+00', 'policy:open_issue', '{"group": "eed507bf-f957-8045-b2fe-6c45dfb0c6ef", "report": "01a20517-16cc-775b-a1a8-718fd07a1e8d"}'),
  (6, '34767c65-9662-4599-9565-8235984c2fda', 'issue.opened', 'f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'warning', NULL, '1.2', '2026-11-19 08:00:00+00', '2026-11-19 08:00:00+00', 'policy:open_issue', '{"group": "f010b226-00cf-8a9f-b0d2-83137039b43c", "report": "01a20517-16d8-794a-b41f-27c7632125e9"}'),
  (8, 'df5ea95f-440a-4bb9-b45f-979a42c8e7bb', 'issue.opened', 'd77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'error', 'prod', '1.3', '2026-11-19 12:00:00+00', '2026-11-19 12:00:00+00', 'policy:open_issue', '{"group": "d77ca06d-e0b5-8dea-a89f-505252849db6", "report": "01a20517-16e4-76ba-a0e7-cdeb46407897"}'),
  (10, '3b92ae16-03ce-4fd3-9667-b099a8fce65c', 'issue.opened', '29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'fatal', 'staging', '1.0', '2026-11-19 16:00:00+00', '2026-11-19 16:00:00+00', 'policy:open_issue', '{"group": "29ff4a0b-42bc-8d22-9b99-405e474e1407", "report": "01a20517-16ee-7dac-94eb-684ea24e15c9"}'),
  (21, '01a20517-295d-7087-bc2d-f67a4bf6c935', 'user.created', '01a20517-295d-7ed6-bc68-a10c900e5177', NULL, NULL, NULL, NULL, '2026-11-22 21:08:53.89633+00', '2026-11-22 21:08:53.89633+00', 'system', '{"role": "admin", "must_change_password": false}'),
  (22, '01a20517-295d-75b6-9faf-30203c7e1975', 'api_key.created', '01a20517-295d-7064-b70e-fecf28a52f9c', 'my-app', NULL, NULL, NULL, '2026-11-22 21:08:53.89633+00', '2026-11-22 21:08:53.89633+00', 'system', '{"name": "First key", "prefix": "avl_3ZsEGt", "sha256": "2c62fa1ebf772130596fbeac41f160d6540e1fcb5743ece4d80e6f0eda6bcc9d", "expires_at": null, "allowed_origins": [], "rate_per_minute": null}'),
  (23, '3f595e90-7fe0-4a16-bef7-eac789f6603a', 'epoch.started', '00000000-0000-0000-0000-000000000000', NULL, NULL, NULL, NULL, '2026-11-22 21:08:54.615796+00', '2026-11-22 21:08:54.615796+00', 'system', '{"timeline": 1, "previous_head": 22, "system_identifier": "7711105781382086627"}'),
  (24, '01a20517-3229-76a7-bd21-5058b47befc2', 'session.started', '01a20517-295d-7ed6-bc68-a10c900e5177', NULL, NULL, NULL, NULL, '2026-11-22 21:08:55.98202+00', '2026-11-22 21:08:55.98202+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"session": "01a20517-3229-73f8-8c66-f032c5a20303"}'),
  (25, '01a20517-32c5-79b6-ad15-8ffed4407232', 'api_key.created', '01a20517-32c5-7b22-b9f3-3174bce3a49d', 'shop', NULL, NULL, NULL, '2026-11-22 21:08:56.141957+00', '2026-11-22 21:08:56.141957+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"name": "shop key", "prefix": "avl_I56xhD", "sha256": "5892e456d5fb91fdcd4d65a81dfa211186ffb9e295d712e472f3c4f215c2d2f1", "expires_at": null, "allowed_origins": [], "rate_per_minute": null}'),
  (26, '01a20517-3310-7e44-bed8-1d2844830258', 'api_key.created', '01a20517-3310-7643-a036-d858fdbcb765', 'api', NULL, NULL, NULL, '2026-11-22 21:08:56.213519+00', '2026-11-22 21:08:56.213519+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"name": "api key", "prefix": "avl_v87yLX", "sha256": "021bbe8be287b272cdeb1a5b8542eab6353e736a97d10fa0e3a1df390d0d1a9c", "expires_at": null, "allowed_origins": [], "rate_per_minute": 6000}'),
  (27, '01a20517-3328-740d-84de-f4b7c30fbc05', 'api_key.created', '01a20517-3328-785c-9428-8665197c593b', 'jobs', NULL, NULL, NULL, '2026-11-22 21:08:56.233009+00', '2026-11-22 21:08:56.233009+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"name": "jobs key", "prefix": "avl_uQBC2s", "sha256": "a1cf3507b55259995bda0916122a1cd66f4f16999098d475bfeb1ea9016a4cc1", "expires_at": null, "allowed_origins": [], "rate_per_minute": null}'),
  (28, '01a20517-33ad-7218-b620-49c3dd433627', 'user.created', '01a20517-3341-76f4-add6-df389159ecc4', NULL, NULL, NULL, NULL, '2026-11-22 21:08:56.389359+00', '2026-11-22 21:08:56.389359+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"role": "viewer", "must_change_password": false}'),
  (29, '01a20517-33e8-7e32-9f7f-cc5e37a8c667', 'sink.created', '01a20517-33e8-78eb-abfd-96a491481af3', NULL, NULL, NULL, NULL, '2026-11-22 21:08:56.436463+00', '2026-11-22 21:08:56.436463+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"kind": "discord", "name": "Night", "levels": ["fatal"]}'),
  (31, '854c8ea3-271a-4d79-8f3e-5755ff7c0a77', 'issue.opened', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.0', '2026-11-22 21:08:56.478557+00', '2026-11-22 21:08:56.506524+00', 'policy:open_issue', '{"group": "c7a6615d-b949-87a0-863a-0abba3c48fe4", "report": "01a20517-3411-7b5b-a2e4-da6705f28b66"}'),
  (34, '225ce1c6-f2b6-4d58-b984-5e931e21eb84', 'issue.opened', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'staging', '1.2', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:08:56.606344+00', 'policy:open_issue', '{"group": "96d611e8-9eed-8193-b85b-6b5e1c97cb83", "report": "01a20517-349c-7dc2-9c30-58c91d3abc8a"}'),
  (48, 'e010169f-783c-41ee-bf89-bcdb4f924bba', 'issue.opened', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.016776+00', 'policy:open_issue', '{"group": "24502d53-6ff2-80ec-abca-f491b15868d3", "report": "01a20517-3635-7fd5-b01e-a2a4cb3c4e89"}'),
  (49, '01a20517-3660-798c-8d42-861423393a57', 'error.deleted', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.0', '2026-11-22 21:08:57.069905+00', '2026-11-22 21:08:57.069905+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "c7a6615d-b949-87a0-863a-0abba3c48fe4", "report": "01a20517-3411-7b5b-a2e4-da6705f28b66", "position": 30, "occurred_at": "2026-11-22T21:08:56.478557+00:00", "recorded_at": "2026-11-22T21:08:56.478557+00:00"}'),
  (50, '01a20517-3686-7cd0-aa35-7998a9fedea3', 'error.deleted', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'prod', '1.1', '2026-11-22 21:08:57.097673+00', '2026-11-22 21:08:57.097673+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "eed507bf-f957-8045-b2fe-6c45dfb0c6ef", "report": "01a20517-346c-79e2-aa3e-05b71dba2e6e", "position": 32, "occurred_at": "2026-11-22T21:08:56.56771+00:00", "recorded_at": "2026-11-22T21:08:56.56771+00:00"}'),
  (51, '01a20517-369c-724a-9191-12429279854a', 'service.erased', '00000000-0000-0000-0000-000000000000', 'api', NULL, NULL, NULL, '2026-11-22 21:08:57.12161+00', '2026-11-22 21:08:57.12161+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"before": "2026-11-22T01:00:00Z"}'),
  (53, 'c418079c-de87-4e33-a00c-a559407a6b68', 'issue.opened', '770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.139316+00', '2026-11-22 21:08:57.140029+00', 'policy:open_issue', '{"group": "770c46c1-8956-8eeb-b108-d0ff45c7daf7", "report": "01a20517-36b2-70c4-9dd2-53255b8420b0"}'),
  (54, '01a20517-455a-752c-8683-9bd6c3d9cf27', 'reports.expired', '00000000-0000-0000-0000-000000000000', NULL, NULL, NULL, NULL, '2026-11-22 21:09:00.894007+00', '2026-11-22 21:09:00.894007+00', 'system', '{"day": "2026-11-19", "reports": 5, "last_position": 9}'),
  (55, '01a20517-49b5-7674-94fc-c4be5a9398bc', 'reports.expired', '00000000-0000-0000-0000-000000000000', NULL, NULL, NULL, NULL, '2026-11-22 21:09:02.009571+00', '2026-11-22 21:09:02.009571+00', 'system', '{"day": "2026-11-20", "reports": 5, "last_position": 15}'),
  (56, '01a20517-5b65-7631-93f2-c7860cd56f51', 'reports.purged', '00000000-0000-0000-0000-000000000000', NULL, NULL, NULL, NULL, '2026-11-22 21:09:06.544642+00', '2026-11-22 21:09:06.544642+00', 'system', '{"sealed": 55, "reports": 4}'),
  (57, '01a20517-7300-7a25-84e9-880b96bf42a4', 'session.started', '01a20517-295d-7ed6-bc68-a10c900e5177', NULL, NULL, NULL, NULL, '2026-11-22 21:09:12.586858+00', '2026-11-22 21:09:12.586858+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"session": "01a20517-7300-7440-b28d-88b950d331c0"}'),
  (74, '01a20517-74c3-7136-bbec-25b29e3141e5', 'error.deleted', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'staging', '1.2', '2026-11-22 21:09:13.033437+00', '2026-11-22 21:09:13.033437+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "96d611e8-9eed-8193-b85b-6b5e1c97cb83", "report": "01a20517-349c-7dc2-9c30-58c91d3abc8a", "position": 33, "occurred_at": "2026-11-22T21:08:56.605613+00:00", "recorded_at": "2026-11-22T21:08:56.605613+00:00"}'),
  (75, '01a20517-74fd-7aa4-ae56-a49901d59fbb', 'error.deleted', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'prod', '1.3', '2026-11-22 21:09:13.091194+00', '2026-11-22 21:09:13.091194+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "c7a6615d-b949-87a0-863a-0abba3c48fe4", "report": "01a20517-34c6-7b3c-bc14-7661e26cf93f", "position": 35, "occurred_at": "2026-11-22T21:08:56.647133+00:00", "recorded_at": "2026-11-22T21:08:56.647133+00:00"}'),
  (76, '01a20517-7536-77b8-89cf-c94db7b841a6', 'error.deleted', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.0', '2026-11-22 21:09:13.15363+00', '2026-11-22 21:09:13.15363+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "c7a6615d-b949-87a0-863a-0abba3c48fe4", "report": "01a20517-73b9-73de-b6f1-eeb4a62c287a", "position": 58, "occurred_at": "2026-11-22T21:09:12.77854+00:00", "recorded_at": "2026-11-22T21:09:12.77854+00:00"}'),
  (77, '01a20517-7559-7618-b8d8-0118fb3cea59', 'error.deleted', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'prod', '1.1', '2026-11-22 21:09:13.180055+00', '2026-11-22 21:09:13.180055+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"group": "eed507bf-f957-8045-b2fe-6c45dfb0c6ef", "report": "01a20517-73f5-77bd-9e4e-620fa4b7f04a", "position": 59, "occurred_at": "2026-11-22T21:09:12.835885+00:00", "recorded_at": "2026-11-22T21:09:12.835885+00:00"}'),
  (78, '01a20517-7569-7cde-9a42-3c91f2231fe8', 'service.erased', '00000000-0000-0000-0000-000000000000', 'jobs', NULL, NULL, NULL, '2026-11-22 21:09:13.206711+00', '2026-11-22 21:09:13.206711+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '{"before": "2101-01-01T00:00:00Z"}');
INSERT INTO log.event OVERRIDING SYSTEM VALUE VALUES
  (16, '01a20517-179b-73cd-8a65-3700a64a83d4', 'error.reported', 'e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'error', 'prod', '1.0', '2026-11-21 00:00:00+00', '2026-11-21 00:00:00+00', 'key:00000000-0000-0000-0000-000000000009', '{"path": "/api/p0", "tags": {"browser": "firefox"}, "user": {"id": "u0"}, "method": "GET", "message": "user 0 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "user <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "user 0 not found"}]}'),
  (18, '01a20517-17a8-700a-9158-bea57f90c339', 'error.reported', 'f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'warning', NULL, '1.2', '2026-11-21 08:00:00+00', '2026-11-21 08:00:00+00', 'key:00000000-0000-0000-0000-000000000009', '{"path": "/api/p2", "tags": {"browser": "firefox"}, "user": {"id": "u2"}, "method": "GET", "message": "boom number 2", "grouping": {"version": 0, "key_parts": ["ValueError", "boom number <num>"]}, "exceptions": [{"type": "ValueError", "value": "boom number 2"}]}'),
  (20, '01a20517-17ad-74b1-9283-bae4a41e77e7', 'error.reported', '29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'fatal', 'staging', '1.0', '2026-11-21 16:00:00+00', '2026-11-21 16:00:00+00', 'key:00000000-0000-0000-0000-000000000009', '{"path": "/api/p1", "tags": {"browser": "firefox"}, "user": {"id": "u4"}, "method": "GET", "message": "boom number 4", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 4"}]}'),
  (17, '01a20517-179e-7e0e-8cbb-7368b9b59124', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'staging', '1.1', '2026-11-21 04:00:00+00', '2026-11-21 04:00:00+00', 'key:00000000-0000-0000-0000-000000000009', '{"purged": true}'),
  (19, '01a20517-17aa-7d5c-9de5-5f2fef79a473', 'error.reported', 'd77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'error', 'prod', '1.3', '2026-11-21 12:00:00+00', '2026-11-21 12:00:00+00', 'key:00000000-0000-0000-0000-000000000009', '{"purged": true}');
INSERT INTO log.event OVERRIDING SYSTEM VALUE VALUES
  (33, '01a20517-349c-7dc2-9c30-58c91d3abc8a', 'error.reported', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'staging', '1.2', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:08:56.605613+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"path": "/api/p2", "tags": {"cart": "cart-1-2", "browser": "lynx"}, "user": {"id": "u2"}, "method": "GET", "message": "boom number 2", "grouping": {"version": 0, "key_parts": ["ValueError", "boom number <num>"]}, "exceptions": [{"type": "ValueError", "value": "boom number 2"}]}'),
  (35, '01a20517-34c6-7b3c-bc14-7661e26cf93f', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'prod', '1.3', '2026-11-22 21:08:56.647133+00', '2026-11-22 21:08:56.647133+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"path": "/api/p0", "tags": {"cart": "cart-1-3", "browser": "firefox"}, "user": {"id": "u3"}, "method": "GET", "message": "order 3 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "order <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "order 3 not found"}]}'),
  (36, '01a20517-34dc-70b0-ab5a-661094801fe4', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'staging', '1.0', '2026-11-22 21:08:56.878329+00', '2026-11-22 21:08:56.878329+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"path": "/api/p1", "tags": {"cart": "cart-1-4", "browser": "lynx"}, "user": {"id": "u4"}, "method": "GET", "message": "boom number 4", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 4"}]}'),
  (37, '01a20517-35c6-7626-8c83-e90f1cfc82da', 'error.reported', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'prod', '1.1', '2026-11-22 21:08:56.91406+00', '2026-11-22 21:08:56.91406+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"path": "/api/p2", "tags": {"cart": "cart-1-5", "browser": "firefox"}, "user": {"id": "u5"}, "method": "GET", "message": "boom number 0", "grouping": {"version": 0, "key_parts": ["ValueError", "boom number <num>"]}, "exceptions": [{"type": "ValueError", "value": "boom number 0"}]}'),
  (38, '01a20517-35f8-7d75-926b-c19cdeb0d2d2', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.2', '2026-11-22 21:08:56.956572+00', '2026-11-22 21:08:56.956572+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"path": "/api/p0", "tags": {"cart": "cart-1-6", "browser": "lynx"}, "user": {"id": "u0"}, "method": "GET", "message": "order 6 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "order <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "order 6 not found"}]}'),
  (39, '01a20517-3618-7f97-ab88-d70daafd6502', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'error', 'prod', '1.3', '2026-11-22 21:08:56.990416+00', '2026-11-22 21:08:56.990416+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"path": "/api/p1", "tags": {"cart": "cart-1-7", "browser": "firefox"}, "user": {"id": "u1"}, "method": "GET", "message": "boom number 2", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 2"}]}'),
  (40, '01a20517-3635-7fd5-b01e-a2a4cb3c4e89', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 0", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 0"}]}'),
  (41, '01a20517-3636-733c-80f7-945ecc8cec81', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 1", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 1"}]}'),
  (42, '01a20517-3636-72e0-af09-616865f76a73', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 2", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 2"}]}'),
  (43, '01a20517-3636-7913-a03e-7d535cbcfa91', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 3", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 3"}]}'),
  (44, '01a20517-3636-7fe6-b396-b223061c1199', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 0", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 0"}]}'),
  (45, '01a20517-3636-73a7-9a9d-470b1fdcefff', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 1", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 1"}]}'),
  (46, '01a20517-3636-7259-9502-d4d653a86ddd', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 2", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 2"}]}'),
  (47, '01a20517-3636-7599-b316-cd87af3a9142', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.015984+00', '2026-11-22 21:08:57.015984+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 3", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 3"}]}'),
  (52, '01a20517-36b2-70c4-9dd2-53255b8420b0', 'error.reported', '770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'error', NULL, NULL, '2026-11-22 21:08:57.139316+00', '2026-11-22 21:08:57.139316+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "after the erasure", "grouping": {"version": 0, "key_parts": ["LateError", "after the erasure"]}, "exceptions": [{"type": "LateError", "value": "after the erasure"}]}'),
  (30, '01a20517-3411-7b5b-a2e4-da6705f28b66', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.0', '2026-11-22 21:08:56.478557+00', '2026-11-22 21:08:56.478557+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"purged": true}'),
  (32, '01a20517-346c-79e2-aa3e-05b71dba2e6e', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'prod', '1.1', '2026-11-22 21:08:56.56771+00', '2026-11-22 21:08:56.56771+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"purged": true}'),
  (58, '01a20517-73b9-73de-b6f1-eeb4a62c287a', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.0', '2026-11-22 21:09:12.77854+00', '2026-11-22 21:09:12.77854+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"path": "/api/p0", "tags": {"cart": "cart-2-0", "browser": "lynx"}, "user": {"id": "u0"}, "method": "GET", "message": "order 0 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "order <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "order 0 not found"}]}'),
  (59, '01a20517-73f5-77bd-9e4e-620fa4b7f04a', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'prod', '1.1', '2026-11-22 21:09:12.835885+00', '2026-11-22 21:09:12.835885+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"path": "/api/p1", "tags": {"cart": "cart-2-1", "browser": "firefox"}, "user": {"id": "u1"}, "method": "GET", "message": "boom number 1", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 1"}]}'),
  (60, '01a20517-7428-721f-b53f-eb0b79aabe51', 'error.reported', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'staging', '1.2', '2026-11-22 21:09:12.876765+00', '2026-11-22 21:09:12.876765+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"path": "/api/p2", "tags": {"cart": "cart-2-2", "browser": "lynx"}, "user": {"id": "u2"}, "method": "GET", "message": "boom number 2", "grouping": {"version": 0, "key_parts": ["ValueError", "boom number <num>"]}, "exceptions": [{"type": "ValueError", "value": "boom number 2"}]}'),
  (61, '01a20517-743d-738d-8055-00ac2902b62b', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'prod', '1.3', '2026-11-22 21:09:12.894697+00', '2026-11-22 21:09:12.894697+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"path": "/api/p0", "tags": {"cart": "cart-2-3", "browser": "firefox"}, "user": {"id": "u3"}, "method": "GET", "message": "order 3 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "order <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "order 3 not found"}]}'),
  (62, '01a20517-745c-74f4-84b6-c210193078e0', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'fatal', 'staging', '1.0', '2026-11-22 21:09:12.929383+00', '2026-11-22 21:09:12.929383+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"path": "/api/p1", "tags": {"cart": "cart-2-4", "browser": "lynx"}, "user": {"id": "u4"}, "method": "GET", "message": "boom number 4", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 4"}]}'),
  (63, '01a20517-7470-748e-9a3c-c8058570c398', 'error.reported', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'warning', 'prod', '1.1', '2026-11-22 21:09:12.953309+00', '2026-11-22 21:09:12.953309+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"path": "/api/p2", "tags": {"cart": "cart-2-5", "browser": "firefox"}, "user": {"id": "u5"}, "method": "GET", "message": "boom number 0", "grouping": {"version": 0, "key_parts": ["ValueError", "boom number <num>"]}, "exceptions": [{"type": "ValueError", "value": "boom number 0"}]}'),
  (64, '01a20517-7483-7a95-869c-390c32623e1f', 'error.reported', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'error', 'staging', '1.2', '2026-11-22 21:09:12.965405+00', '2026-11-22 21:09:12.965405+00', 'key:01a20517-32c5-7b22-b9f3-3174bce3a49d', '{"path": "/api/p0", "tags": {"cart": "cart-2-6", "browser": "lynx"}, "user": {"id": "u0"}, "method": "GET", "message": "order 6 not found", "grouping": {"version": 0, "key_parts": ["KeyError", "order <num> not found"]}, "exceptions": [{"type": "KeyError", "value": "order 6 not found"}]}'),
  (65, '01a20517-7495-784c-a6a4-b16ef6e3ad4e', 'error.reported', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'error', 'prod', '1.3', '2026-11-22 21:09:12.988515+00', '2026-11-22 21:09:12.988515+00', 'key:01a20517-3310-7643-a036-d858fdbcb765', '{"path": "/api/p1", "tags": {"cart": "cart-2-7", "browser": "firefox"}, "user": {"id": "u1"}, "method": "GET", "message": "boom number 2", "grouping": {"version": 0, "key_parts": ["TimeoutError", "boom number <num>"]}, "exceptions": [{"type": "TimeoutError", "value": "boom number 2"}]}'),
  (66, '01a20517-74a7-76fa-914d-744cfb0b6d14', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 0", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 0"}]}'),
  (67, '01a20517-74a7-770d-bca1-76cbdcf2499d', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 1", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 1"}]}'),
  (68, '01a20517-74a7-7d18-b319-66171d6dcfe4', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 2", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 2"}]}'),
  (69, '01a20517-74a7-7c3d-abf2-8a496a672d06', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 3", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 3"}]}'),
  (70, '01a20517-74a7-7129-a879-89b614574af3', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 0", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 0"}]}'),
  (71, '01a20517-74a7-7294-9be4-38879207b8c4', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 1", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 1"}]}'),
  (72, '01a20517-74a7-7069-b0b4-eca86f5afd52', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 2", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 2"}]}'),
  (73, '01a20517-74a7-7f8e-a808-e9343d8e7494', 'error.reported', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:12.999648+00', '2026-11-22 21:09:12.999648+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "batch thing 3", "grouping": {"version": 0, "key_parts": ["BatchError", "batch thing <num>"]}, "exceptions": [{"type": "BatchError", "value": "batch thing 3"}]}'),
  (79, '01a20517-75a9-7a6d-b84b-fd358c944493', 'error.reported', '770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'error', NULL, NULL, '2026-11-22 21:09:13.264724+00', '2026-11-22 21:09:13.264724+00', 'key:01a20517-3328-785c-9428-8665197c593b', '{"message": "after the erasure", "grouping": {"version": 0, "key_parts": ["LateError", "after the erasure"]}, "exceptions": [{"type": "LateError", "value": "after the erasure"}]}');
INSERT INTO projection.api_key VALUES
  ('01a20517-295d-7064-b70e-fecf28a52f9c', 'First key', 'my-app', true, NULL, NULL, '{}', '2026-11-22 21:08:53.89633+00', 'system', NULL, 22),
  ('01a20517-32c5-7b22-b9f3-3174bce3a49d', 'shop key', 'shop', true, NULL, NULL, '{}', '2026-11-22 21:08:56.141957+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:09:00+00', 25),
  ('01a20517-3310-7643-a036-d858fdbcb765', 'api key', 'api', true, NULL, 6000, '{}', '2026-11-22 21:08:56.213519+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:09:00+00', 26),
  ('01a20517-3328-785c-9428-8665197c593b', 'jobs key', 'jobs', true, NULL, NULL, '{}', '2026-11-22 21:08:56.233009+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', '2026-11-22 21:09:00+00', 27);
INSERT INTO projection.api_key_hour VALUES
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 12:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-19 16:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 12:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-20 16:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 00:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 04:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 08:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 12:00:00+00', 1),
  ('00000000-0000-0000-0000-000000000009', '2026-11-21 16:00:00+00', 1),
  ('01a20517-32c5-7b22-b9f3-3174bce3a49d', '2026-11-22 21:00:00+00', 6),
  ('01a20517-3310-7643-a036-d858fdbcb765', '2026-11-22 21:00:00+00', 6),
  ('01a20517-3328-785c-9428-8665197c593b', '2026-11-22 21:00:00+00', 22);
INSERT INTO projection.api_key_minute VALUES
  ('01a20517-3310-7643-a036-d858fdbcb765', '2026-11-22 21:08:00+00', 3),
  ('01a20517-3310-7643-a036-d858fdbcb765', '2026-11-22 21:09:00+00', 3);
INSERT INTO projection.api_key_secret VALUES
  ('\x2c62fa1ebf772130596fbeac41f160d6540e1fcb5743ece4d80e6f0eda6bcc9d', '01a20517-295d-7064-b70e-fecf28a52f9c', 'avl_3ZsEGt', '2026-11-22 21:08:53.89633+00', NULL),
  ('\x5892e456d5fb91fdcd4d65a81dfa211186ffb9e295d712e472f3c4f215c2d2f1', '01a20517-32c5-7b22-b9f3-3174bce3a49d', 'avl_I56xhD', '2026-11-22 21:08:56.141957+00', NULL),
  ('\x021bbe8be287b272cdeb1a5b8542eab6353e736a97d10fa0e3a1df390d0d1a9c', '01a20517-3310-7643-a036-d858fdbcb765', 'avl_v87yLX', '2026-11-22 21:08:56.213519+00', NULL),
  ('\xa1cf3507b55259995bda0916122a1cd66f4f16999098d475bfeb1ea9016a4cc1', '01a20517-3328-785c-9428-8665197c593b', 'avl_uQBC2s', '2026-11-22 21:08:56.233009+00', NULL);
INSERT INTO projection.app_user VALUES
  ('01a20517-3341-76f4-add6-df389159ecc4', 'viewer', false, '2026-11-22 21:08:56.389359+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', NULL, 28),
  ('01a20517-295d-7ed6-bc68-a10c900e5177', 'admin', false, '2026-11-22 21:08:53.89633+00', 'system', '2026-11-22 21:09:12.586858+00', 21);
INSERT INTO projection.deleted_report VALUES
  (30, '2026-11-22 21:08:56.478557+00'),
  (32, '2026-11-22 21:08:56.56771+00'),
  (33, '2026-11-22 21:08:56.605613+00'),
  (35, '2026-11-22 21:08:56.647133+00'),
  (58, '2026-11-22 21:09:12.77854+00'),
  (59, '2026-11-22 21:09:12.835885+00');
INSERT INTO projection.epoch VALUES
  (23, 22, '7711105781382086627', 1);
INSERT INTO projection.erasure VALUES
  (51, 'api', '2026-11-22 01:00:00+00'),
  (78, 'jobs', '2101-01-01 00:00:00+00');
INSERT INTO projection.expired_day VALUES
  ('2026-11-19', 9, 5),
  ('2026-11-20', 15, 5);
INSERT INTO projection.group_hour VALUES
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-19 00:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-19 08:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-19 16:00:00+00', 1),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-20 00:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-20 08:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-20 16:00:00+00', 1),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', '2026-11-21 00:00:00+00', 1),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', '2026-11-21 08:00:00+00', 1),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '2026-11-21 16:00:00+00', 1),
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', '2026-11-22 21:00:00+00', 3),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', '2026-11-22 21:00:00+00', 4),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', '2026-11-22 21:00:00+00', 1);
INSERT INTO projection.hour_count VALUES
  ('shop', '2026-11-19 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-19 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-19 16:00:00+00', 'fatal', 'staging', 1),
  ('shop', '2026-11-20 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-20 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-20 16:00:00+00', 'fatal', 'staging', 1),
  ('shop', '2026-11-21 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-21 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-21 16:00:00+00', 'fatal', 'staging', 1),
  ('api', '2026-11-22 21:00:00+00', 'fatal', 'staging', 2),
  ('api', '2026-11-22 21:00:00+00', 'error', 'prod', 2),
  ('shop', '2026-11-22 21:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-22 21:00:00+00', 'error', 'staging', 2),
  ('api', '2026-11-22 21:00:00+00', 'fatal', 'prod', 0),
  ('jobs', '2026-11-22 21:00:00+00', 'error', '', 1);
INSERT INTO projection.issue VALUES
  ('e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'unresolved', '2026-11-19 00:00:00+00', 2),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'unresolved', '2026-11-19 04:00:00+00', 4),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'unresolved', '2026-11-19 08:00:00+00', 6),
  ('d77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'unresolved', '2026-11-19 12:00:00+00', 8),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'unresolved', '2026-11-19 16:00:00+00', 10),
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'unresolved', '2026-11-22 21:08:56.478557+00', 31),
  ('96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'unresolved', '2026-11-22 21:08:56.605613+00', 34),
  ('24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'unresolved', '2026-11-22 21:08:57.015984+00', 48),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'unresolved', '2026-11-22 21:08:57.139316+00', 53);
INSERT INTO projection.issue_group VALUES
  ('c7a6615d-b949-87a0-863a-0abba3c48fe4', 'c7a6615d-b949-87a0-863a-0abba3c48fe4', 'shop', 'KeyError', NULL, NULL, 'error', '2026-11-22 21:08:56.478557+00', '2026-11-22 21:09:00+00', 3),
  ('eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'eed507bf-f957-8045-b2fe-6c45dfb0c6ef', 'api', 'TimeoutError', NULL, NULL, 'fatal', '2026-11-19 04:00:00+00', '2026-11-22 21:09:00+00', 4),
  ('e9fc0fa1-6165-8263-9555-c48078fba421', 'e9fc0fa1-6165-8263-9555-c48078fba421', 'shop', 'KeyError', 'user 0 not found', '01a20517-1681-74d2-bf23-c81b7a14d7b6', 'error', '2026-11-19 00:00:00+00', '2026-11-21 00:00:00+00', 3),
  ('24502d53-6ff2-80ec-abca-f491b15868d3', '24502d53-6ff2-80ec-abca-f491b15868d3', 'jobs', 'BatchError', NULL, NULL, 'error', '2026-11-22 21:08:57.015984+00', '2026-11-22 21:09:00+00', 0),
  ('f010b226-00cf-8a9f-b0d2-83137039b43c', 'f010b226-00cf-8a9f-b0d2-83137039b43c', 'shop', 'ValueError', 'boom number 2', '01a20517-16d8-794a-b41f-27c7632125e9', 'warning', '2026-11-19 08:00:00+00', '2026-11-21 08:00:00+00', 3),
  ('96d611e8-9eed-8193-b85b-6b5e1c97cb83', '96d611e8-9eed-8193-b85b-6b5e1c97cb83', 'jobs', 'ValueError', NULL, NULL, 'warning', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:09:00+00', 0),
  ('29ff4a0b-42bc-8d22-9b99-405e474e1407', '29ff4a0b-42bc-8d22-9b99-405e474e1407', 'shop', 'TimeoutError', 'boom number 4', '01a20517-16ee-7dac-94eb-684ea24e15c9', 'fatal', '2026-11-19 16:00:00+00', '2026-11-21 16:00:00+00', 3),
  ('770c46c1-8956-8eeb-b108-d0ff45c7daf7', '770c46c1-8956-8eeb-b108-d0ff45c7daf7', 'jobs', 'LateError', 'after the erasure', '01a20517-75a9-7a6d-b84b-fd358c944493', 'error', '2026-11-22 21:08:57.139316+00', '2026-11-22 21:09:00+00', 1),
  ('d77ca06d-e0b5-8dea-a89f-505252849db6', 'd77ca06d-e0b5-8dea-a89f-505252849db6', 'api', 'KeyError', NULL, NULL, 'error', '2026-11-19 12:00:00+00', '2026-11-21 12:00:00+00', 0);
INSERT INTO projection.minute_count VALUES
  ('shop', '2026-11-21 00:00:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-21 08:00:00+00', 'warning', '', 1),
  ('shop', '2026-11-21 16:00:00+00', 'fatal', 'staging', 1),
  ('api', '2026-11-22 21:08:00+00', 'fatal', 'staging', 1),
  ('api', '2026-11-22 21:08:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-22 21:08:00+00', 'error', 'staging', 1),
  ('api', '2026-11-22 21:08:00+00', 'fatal', 'prod', 0),
  ('shop', '2026-11-22 21:09:00+00', 'error', 'prod', 1),
  ('api', '2026-11-22 21:09:00+00', 'fatal', 'staging', 1),
  ('api', '2026-11-22 21:09:00+00', 'error', 'prod', 1),
  ('shop', '2026-11-22 21:08:00+00', 'error', 'prod', 0),
  ('shop', '2026-11-22 21:09:00+00', 'error', 'staging', 1),
  ('api', '2026-11-22 21:09:00+00', 'fatal', 'prod', 0),
  ('jobs', '2026-11-22 21:09:00+00', 'error', '', 1);
INSERT INTO projection.service VALUES
  ('shop', '2026-11-19 00:00:00+00', '2026-11-22 21:09:00+00'),
  ('api', '2026-11-19 04:00:00+00', '2026-11-22 21:09:00+00'),
  ('jobs', '2026-11-22 21:08:56.605613+00', '2026-11-22 21:09:00+00');
INSERT INTO projection.sink VALUES
  ('01a20517-33e8-78eb-abfd-96a491481af3', 'discord', 'Night', true, '{fatal}', NULL, 0, 0, 0, NULL, NULL, NULL, '2026-11-22 21:08:56.436463+00', 'user:01a20517-295d-7ed6-bc68-a10c900e5177', 29);
INSERT INTO runtime.migration VALUES
  ('0001_log', '2aacfd56273b3703206ac365104427b530e5ad9a639bea3679245678b81aa543', '2026-11-22 21:08:48.107007+00'),
  ('0002_projection', '8a2a254db6b7b1fb81b4b8cd25b5e9479bb5b32ff90a89d289cb2b020fdf9a2c', '2026-11-22 21:08:48.143161+00'),
  ('0003_account', 'd7b464a3777f3972273319b7e8c508e362b42d38fd38f420e7fab279ca06a48e', '2026-11-22 21:08:48.335988+00'),
  ('0004_runtime', '46e879580617b4c246a4bf9567c59f6e66120ae5e31b9e839c2d607c73f72018', '2026-11-22 21:08:48.414083+00'),
  ('0005_baseline', '3f8f58e45ca39c86dd18ea24fd4e094f48976d67ea0e08f4b5c7137ac08d6fe5', '2026-11-22 21:08:48.442848+00');
INSERT INTO runtime.release VALUES
  (true, '0.1.0', '0.1.0', '2f9b6e9c03a086bf0c1f4df6dd8e517f7b54ba2ebdb5202cf6452407837d48bb');
INSERT INTO runtime.subscription VALUES
  ('01a20517-33e8-78eb-abfd-96a491481af3', 79, '2026-11-22 21:09:13.264724+00', '{"sent": [1795381736.9069104, 1795381751.6153584], "told": [1795381736.8593037], "error": "the connection failed (ConnectError)", "issues": {"eed507bf-f957-8045-b2fe-6c45dfb0c6ef": {"ends": 1795381796.8593037, "last": 62, "count": 3, "first": 36, "level": "fatal", "since": 1795381736.8593037, "latest": "01a20517-745c-74f4-84b6-c210193078e0", "service": "api"}}, "outbox": [{"type": "report", "issue": "eed507bf-f957-8045-b2fe-6c45dfb0c6ef", "queued": 1795381736.8593037, "position": 32, "recorded_at": "2026-11-22T21:08:56.567710Z"}], "failures": 2, "quiet_until": 1795381754.454472}', NULL, 1795381736436645, '-infinity');
SELECT setval('log.clock', 1795381753264724, true);
SELECT setval('log.event_position_seq', 79, true);
