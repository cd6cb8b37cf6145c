using AgCam.Pipeline.Records;

namespace AgCam.Worker;

/// <summary>Reasons of failure that come from the worker. They are stored: never rename one.</summary>
public static class WorkerFailure
{
    /// <summary>The worker's model has another digest than the request's.</summary>
    public const string AnotherModel = "another-model";

    /// <summary>The model's weights exceed the worker's memory for models.</summary>
    public const string ModelTooLarge = "model-too-large";

    /// <summary>The model does not have a class that the targets name, or the method does not explain such a target.</summary>
    public const string NoSuchTarget = PauseCode.NoSuchTarget;

    /// <summary>The worker does not know the method.</summary>
    public const string NoSuchMethod = "no-such-method";

    /// <summary>The dataset of an evaluation differs from the one that the job was planned with.</summary>
    public const string AnotherDataset = "another-dataset";

    /// <summary>The image's chunk failed too often with unexpected errors.</summary>
    public const string GivenUp = "given-up";

    /// <summary>The computation of this image failed without crashing the process.</summary>
    public const string NotExplained = "not-explained";
}
