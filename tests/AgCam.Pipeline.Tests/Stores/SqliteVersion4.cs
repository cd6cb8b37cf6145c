namespace AgCam.Pipeline.Tests.Stores;

/// <summary>A file of schema version 4, made from one of this version: indexes of SQLite's own, and explanations with a UNIQUE.</summary>
internal static class SqliteVersion4
{
    public const string FromNow =
        """
        DROP TRIGGER items_probability_delete; DROP TABLE items_probability_keys; DROP TABLE items_probability_recent;
        DROP TRIGGER items_predicted_delete; DROP TABLE items_predicted_keys; DROP TABLE items_predicted_recent;
        DROP TRIGGER items_correct_delete; DROP TABLE items_correct_keys; DROP TABLE items_correct_recent;
        DROP TRIGGER items_confusion_delete; DROP TABLE items_confusion_keys; DROP TABLE items_confusion_recent;
        DROP TRIGGER items_model_delete; DROP TABLE items_model_keys; DROP TABLE items_model_recent;
        DROP TRIGGER items_explanation_delete; DROP TABLE items_explanation_keys; DROP TABLE items_explanation_recent;
        DROP TRIGGER items_source_delete; DROP TABLE items_source_keys; DROP TABLE items_source_recent;
        DROP TRIGGER explanations_id_delete; DROP TABLE explanations_id_keys; DROP TABLE explanations_id_recent;
        CREATE INDEX items_probability ON items (owner, probability) WHERE probability IS NOT NULL;
        CREATE INDEX items_predicted ON items (owner, predicted, probability) WHERE probability IS NOT NULL;
        CREATE INDEX items_correct ON items (owner, correct, probability) WHERE correct IS NOT NULL;
        CREATE INDEX items_confusion ON items (owner, label, predicted, probability) WHERE label IS NOT NULL AND probability IS NOT NULL;
        CREATE INDEX items_model ON items (model, predicted, probability) WHERE probability IS NOT NULL;
        CREATE INDEX items_explanation ON items (explanation) WHERE explanation IS NOT NULL;
        CREATE INDEX items_source ON items (source) WHERE source IS NOT NULL;
        ALTER TABLE explanations RENAME TO explanations_5;
        CREATE TABLE explanations (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            created INTEGER NOT NULL,
            condemned INTEGER,
            body BLOB NOT NULL);
        INSERT INTO explanations SELECT * FROM explanations_5;
        DROP TABLE explanations_5;

        """;
}
