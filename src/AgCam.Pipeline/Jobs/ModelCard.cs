using AgCam.Attribution;
using AgCam.Models;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>Shape and classes of a model, read without loading its weights.</summary>
/// <param name="Config">Shape of the model.</param>
public sealed record ModelCard(ViTConfig Config, ClassNames Classes)
{
    /// <summary>Rows of its maps.</summary>
    public int Rows => Config.GridRows;

    /// <summary>Columns of its maps.</summary>
    public int Columns => Config.GridColumns;

    /// <summary>Checks whether method and targets fit the model.</summary>
    /// <returns>The fields that do not fit, with the reason and valid values. Empty when all fit.</returns>
    public IReadOnlyList<FieldProblem> Check(string? method, IReadOnlyList<string>? targets)
    {
        var problems = new List<FieldProblem>();
        var parsed = new List<Target>();
        foreach (var (i, text) in (targets ?? []).Index().Where(target => TargetForm.IsValid(target.Item)))
            try
            {
                parsed.Add(Target.Parse(text, Classes));
            }
            catch (TargetException unknown)
            {
                problems.Add(new FieldProblem($"targets[{i}]", $"cannot be explained: {unknown.Message}"));
            }
        if (AttributionMethod.Find(method ?? "") is not { } known)
            problems.Add(UnknownMethod(method));
        else if (new ExplainOptions { Method = known, Targets = parsed }.Refusal(Config) is { } refusal)
            problems.Add(new FieldProblem(refusal.Field, $"does not fit: {refusal.Reason}"));
        return problems;
    }

    /// <summary>Checks the label of one image.</summary>
    /// <param name="targets">Requested targets.</param>
    /// <returns>Null when the model has the class, or no class is needed.</returns>
    public FieldProblem? CheckLabel(string? label, IReadOnlyList<string> targets)
    {
        if (label is not null)
            return Classes.Find(label) < 0
                ? new FieldProblem("label", $"is no class of the model: \"{label}\"; {Classes.Near(label)}")
                : null;
        return targets.FirstOrDefault(TargetForm.NeedsLabel) is { } needy
            ? new FieldProblem("label", $"must be given, since the target \"{needy}\" explains it")
            : null;
    }

    internal static FieldProblem UnknownMethod(string? method) =>
        new("method", $"\"{method}\" is no attribution method. Take one of {AttributionMethod.Names}");
}
