using System.CommandLine;
using System.Globalization;
using AgCam.Cli.Doctor;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Scenes.Training;

namespace AgCam.Cli.Scenes;

/// <summary>agcam scenes train: trains the shipped model from scratch, with a seed.</summary>
internal static class TrainVerb
{
    public static Command Create()
    {
        var defaults = new TrainingOptions { OutputFolder = "" };
        var folder = new Option<string>("--out", "-o")
        {
            Description = "Folder for config.json, model.safetensors and the log.",
            Required = true,
            HelpName = "FOLDER",
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Number of optimiser steps.",
            DefaultValueFactory = _ => defaults.Steps,
            HelpName = "N",
        };
        var batch = new Option<int>("--batch", "-b")
        {
            Description = "Scenes per step.",
            DefaultValueFactory = _ => defaults.BatchSize,
            HelpName = "N",
        };
        var seed = new Option<long>("--seed")
        {
            Description = "Seed of the scenes and of the initial weights.",
            DefaultValueFactory = _ => defaults.Seed,
            HelpName = "N",
        };
        var threads = new Option<int>("--threads")
        {
            Description = "Threads of libtorch; one more thread draws scenes.",
            DefaultValueFactory = _ => defaults.Threads,
            HelpName = "N",
        };
        var minutes = new Option<double?>("--minutes")
        {
            Description = "Maximum minutes of training. Without it, seed and threads determine every bit.",
            HelpName = "N",
        };
        var patches = new Option<double>("--patch-loss")
        {
            Description = "Weight of the loss of each patch's class; 0 trains only on the pictures' labels.",
            DefaultValueFactory = _ => defaults.PatchLossWeight,
            HelpName = "W",
        };
        var from = new Option<string?>("--from") { Description = "Continues from a folder that training wrote.", HelpName = "FOLDER" };
        var done = new Option<int>("--first-step") { Description = "Number of steps that trained --from.", HelpName = "N" };
        steps.Within(1, 10_000_000);
        batch.Within(1, 65_536);
        threads.Within(1, 1024);
        minutes.Within(0, 1_000_000);
        patches.Within(0, 1000);
        done.Within(0, 10_000_000);
        var command = new Command("train", "Trains the model of the scenes on the CPU, and measures it on new scenes.")
        {
            folder,
            steps,
            batch,
            seed,
            threads,
            minutes,
            patches,
            from,
            done,
        };
        command.SetAction(parsed =>
        {
            BackendSelfTestVerb.LoadTrusted();
            using var interruption = new Interruption(() =>
                parsed.Console.Error.WriteLine("agcam: stopping; the last checkpoint is kept.")
            );
            var options = defaults with
            {
                OutputFolder = parsed.GetValue(folder)!,
                Steps = parsed.GetValue(steps),
                BatchSize = parsed.GetValue(batch),
                Seed = parsed.GetValue(seed),
                Threads = parsed.GetValue(threads),
                TimeLimit = parsed.GetValue(minutes) is { } limit ? TimeSpan.FromMinutes(limit) : null,
                PatchLossWeight = parsed.GetValue(patches),
                From = parsed.GetValue(from),
                FirstStep = parsed.GetValue(done),
            };
            try
            {
                var result = SceneTrainer.Train(options, parsed.Console.Error.WriteLine, interruption.Drain);
                parsed.Console.Output.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{100 * result.Accuracy:0.00}% of {result.TestScenes:N0} new scenes correct after {result.Steps:N0} "
                            + $"steps, {result.Parameters:N0} parameters, in {options.OutputFolder}"
                    )
                );
                return ExitCode.Success;
            }
            catch (OperationCanceledException) when (interruption.Asked)
            {
                parsed.Console.Error.WriteLine(
                    $"agcam: interrupted. --from {options.OutputFolder} --first-step N continues from the last checkpoint."
                );
                return ExitCode.Interrupted;
            }
        });
        return command.WithExamples(new Example("As the shipped model was trained", "agcam scenes train --out model/"));
    }
}
