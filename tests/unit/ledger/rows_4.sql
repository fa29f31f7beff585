-- SPDX-FileCopyrightText: The provisiond authors
-- SPDX-License-Identifier: Apache-2.0
--
-- The rows of a ledger of today, which is attached as "modern", into tables of version 4.
INSERT INTO meta SELECT * FROM modern.meta;
INSERT INTO anchors SELECT * FROM modern.anchors;
INSERT INTO image SELECT id, product_id, digest, size, label, session_key, iv, tag, created_unix_ms,
    is_enabled, alias FROM modern.image;
INSERT INTO device SELECT * FROM modern.device;
INSERT INTO charge SELECT * FROM modern.charge;
INSERT INTO budget SELECT * FROM modern.budget;
INSERT INTO document SELECT * FROM modern.document;
INSERT INTO journal SELECT * FROM modern.journal;
INSERT INTO tree SELECT * FROM modern.tree;
INSERT INTO checkpoint SELECT * FROM modern.checkpoint;
INSERT INTO breach SELECT * FROM modern.breach;
INSERT INTO consent SELECT * FROM modern.consent;
INSERT INTO refusal SELECT * FROM modern.refusal;
INSERT INTO product (id, name, profile, policy, firmware_key, anchors_version, accepted, revoked,
  scrap_allowance, scrap_drawn, used, installs, succeeded, failed, scrapped, proven, is_enabled,
  allows_key_exposure, options, attempts_max, is_governed, sequence, authorities)
  SELECT id, name, profile, policy, firmware_key, anchors_version, accepted, revoked,
    scrap_allowance, scrap_drawn, used, installs, succeeded, failed, scrapped, proven, is_enabled,
    allows_key_exposure, options, attempts_max, is_governed, sequence, authorities
  FROM modern.product;
INSERT INTO principal SELECT * FROM modern.principal;
INSERT INTO principal_key SELECT * FROM modern.principal_key;
INSERT INTO install SELECT * FROM modern.install;
