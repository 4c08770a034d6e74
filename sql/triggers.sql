-- The whole pipeline, in firing order (Postgres fires triggers of one kind by name).

-- Before a position is drawn: the log's lock, its clock, and the day's partition.
CREATE OR REPLACE TRIGGER event_10_take_lock
BEFORE INSERT ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.take_lock();

-- Append-only. The row trigger is cloned to every leaf, so it also stops the owner's own statements there.
CREATE OR REPLACE TRIGGER event_20_append_only
BEFORE UPDATE OR DELETE ON log.event FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE OR REPLACE TRIGGER event_21_no_truncate
BEFORE TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_truncate();

-- Release 0.1 had these under other numbers.
DO $$
DECLARE
  _name text;
BEGIN
  FOR _name IN
    SELECT tgname
    FROM pg_trigger
    WHERE tgrelid = 'log.event'::regclass
      AND tgname IN (
        'event_52_fold_issue', 'event_53_fold_api_key', 'event_54_fold_app_user', 'event_55_fold_sink', 'event_57_fold_epoch'
      )
  LOOP
    EXECUTE format('DROP TRIGGER %I ON log.event', _name);
  END LOOP;
END $$;

-- Folds, one per noun, into schema projection. Behind those that touch issues, the issues' totals.
CREATE OR REPLACE TRIGGER event_50_fold_service
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_service();
CREATE OR REPLACE TRIGGER event_51_fold_count
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_count();
CREATE OR REPLACE TRIGGER event_52_fold_issue_group
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_issue_group();
CREATE OR REPLACE TRIGGER event_53_fold_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_issue();
CREATE OR REPLACE TRIGGER event_54_fold_overflow
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_overflow();
CREATE OR REPLACE TRIGGER event_56_fold_deletion
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_deletion();
CREATE OR REPLACE TRIGGER event_57_fold_ownership
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_ownership();
CREATE OR REPLACE TRIGGER event_58_fold_decision
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_decision();
CREATE OR REPLACE TRIGGER event_59_fold_issue_total
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_issue_total();
CREATE OR REPLACE TRIGGER event_60_fold_tag
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_tag();
CREATE OR REPLACE TRIGGER event_61_fold_release
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_release();
CREATE OR REPLACE TRIGGER event_62_fold_api_key
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_api_key();
CREATE OR REPLACE TRIGGER event_63_fold_app_user
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_app_user();
CREATE OR REPLACE TRIGGER event_64_fold_sink
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_sink();
CREATE OR REPLACE TRIGGER event_65_fold_epoch
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_epoch();
CREATE OR REPLACE TRIGGER event_66_fold_rule
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_rule();
CREATE OR REPLACE TRIGGER event_67_fold_grouping_rule
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_grouping_rule();
CREATE OR REPLACE TRIGGER event_68_fold_drop
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_drop();

-- Policies: facts that follow from facts, appended in the same transaction. Replay finds them in the log.
CREATE OR REPLACE TRIGGER event_80_open_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.open_issue();
CREATE OR REPLACE TRIGGER event_81_regress_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.regress_issue();
CREATE OR REPLACE TRIGGER event_82_unmute_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.unmute_issue();

-- The doorbell.
CREATE OR REPLACE TRIGGER event_90_announce
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.announce();

-- A rule of ours rather than a step of the pipeline: an admin always remains. Deferred, so that a rebuild may
-- take rows out and put them back; constraint triggers can't be replaced, only made again.
DROP TRIGGER IF EXISTS app_user_keep_an_admin ON projection.app_user;
CREATE CONSTRAINT TRIGGER app_user_keep_an_admin
AFTER UPDATE OF role OR DELETE ON projection.app_user DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.role = 'admin') EXECUTE FUNCTION log.keep_an_admin();
