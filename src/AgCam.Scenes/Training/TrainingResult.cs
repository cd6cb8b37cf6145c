namespace AgCam.Scenes.Training;

/// <summary>Result of training.</summary>
/// <param name="Accuracy">Accuracy on <paramref name="TestScenes"/> fresh scenes, with the weights rounded to float16 as they are
/// written.</param>
public sealed record TrainingResult(int Steps, long Scenes, TimeSpan Elapsed, long Parameters, int TestScenes, double Accuracy);

/// <summary>Line of training-log.jsonl. Means are since the previous line.</summary>
/// <param name="Scenes">Number of scenes so far.</param>
/// <param name="TrainAccuracy">Accuracy on the training scenes, each before its step.</param>
/// <param name="Accuracy">Accuracy on 500 fresh scenes.</param>
public sealed record TrainingLogEntry(int Step, long Scenes, double Seconds, double Loss, double TrainAccuracy, double Accuracy);
