namespace AgCam.Scenes.Training;

/// <param name="Accuracy">Share right of <paramref name="TestScenes"/> fresh scenes, with the weights rounded to float16 as they are
/// written.</param>
public sealed record TrainingResult(int Steps, long Scenes, TimeSpan Elapsed, long Parameters, int TestScenes, double Accuracy);

/// <summary>One line of training-log.jsonl: means since the line before.</summary>
/// <param name="Scenes">Scenes seen so far.</param>
/// <param name="TrainAccuracy">On the training scenes, before each was learnt from.</param>
/// <param name="Accuracy">On 500 fresh scenes.</param>
public sealed record TrainingLogEntry(int Step, long Scenes, double Seconds, double Loss, double TrainAccuracy, double Accuracy);
