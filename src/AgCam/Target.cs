using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam;

/// <summary>
/// Requested target: <c>predicted</c>, <c>label</c>, a class index or name, <c>top:K</c>, or a contrast <c>A-vs-B</c>, e.g.
/// <c>predicted-vs-label</c>. It is resolved to classes after the forward pass.
/// </summary>
public abstract partial record Target
{
    private const string Versus = "-vs-";
    private const string ClassPrefix = "class:";

    /// <summary>Target for the predicted class.</summary>
    public static Target Predicted { get; } = new PredictedTarget();

    /// <summary>Parses a target of a command line or request.</summary>
    /// <exception cref="TargetException">The text is not a target, or names an unknown class.</exception>
    public static Target Parse(string text, ClassNames classes)
    {
        text = text.Trim();
        if (text.StartsWith("top:", StringComparison.OrdinalIgnoreCase))
        {
            if (
                int.TryParse(text.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count >= 1
                && count <= classes.Count
            )
                return new TopTarget(count);
            throw new TargetException($"Target \"{text}\" is not valid. Give top:K with K from 1 to {classes.Count}.");
        }

        if (Side(text, classes) is { } single)
            return single;
        for (
            var at = text.IndexOf(Versus, StringComparison.OrdinalIgnoreCase);
            at > 0;
            at = text.IndexOf(Versus, at + 1, StringComparison.OrdinalIgnoreCase)
        )
            if (Side(text[..at], classes) is { } side && Side(text[(at + Versus.Length)..], classes) is { } against)
                return new ContrastiveTarget(side, against);

        if (TopWithoutColon().Match(text) is { Success: true } top)
            throw new TargetException($"Target \"{text}\": did you mean top:{top.Groups[1].Value}?");
        var unknown = text.Split(Versus).FirstOrDefault(side => Side(side, classes) is null)?.Trim() ?? text;
        if (unknown.StartsWith(ClassPrefix, StringComparison.OrdinalIgnoreCase))
            unknown = unknown[ClassPrefix.Length..];
        throw new TargetException(
            $"Target \"{text}\": no class has the name \"{unknown}\"; {classes.Near(unknown)}. "
                + "Other targets: predicted, label, top:K, A-vs-B."
        );
    }

    /// <summary>Returns the classes to explain for one image.</summary>
    /// <param name="logits">[classes]</param>
    /// <param name="label">Label of the image, or null. A target that needs a missing label resolves to nothing.</param>
    public abstract IEnumerable<ResolvedTarget> Resolve(ReadOnlyMemory<float> logits, int? label);

    /// <summary>
    /// Returns the maps that the targets need: each class or contrast once, in the order in which the targets first ask for it.
    /// </summary>
    public static IReadOnlyList<RequestedMap> Resolve(IEnumerable<Target> targets, ReadOnlyMemory<float> logits, int? label) =>
        [
            .. targets
                .SelectMany(target => target.Resolve(logits, label), (target, resolved) => (resolved, Name: target.Canonical(label)))
                .GroupBy(requested => requested.resolved, requested => requested.Name)
                .Select(names => new RequestedMap(names.Key, [.. names.Distinct()])),
        ];

    /// <summary>Returns the canonical text, which is part of an explanation's identity; a label is replaced by its class.</summary>
    public abstract string Canonical(int? label);

    /// <summary>True when the target resolves to nothing for an image without a label.</summary>
    public virtual bool NeedsLabel => false;

    /// <summary>Whether it explains one class against another.</summary>
    public virtual bool IsContrastive => false;

    /// <summary>Returns class indices by descending logit, ties by index.</summary>
    public static int[] Ranked(ReadOnlyMemory<float> logits, int count)
    {
        var order = Enumerable.Range(0, logits.Length).ToArray();
        var values = logits.ToArray();
        Array.Sort(order, (a, b) => values[b].CompareTo(values[a]) is var by && by != 0 ? by : a.CompareTo(b));
        return order[..Math.Min(count, order.Length)];
    }

    [GeneratedRegex(@"^top[-_ =]?(\d+)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TopWithoutColon();

    private static SingleTarget? Side(string text, ClassNames classes) =>
        text.Trim().ToLowerInvariant() switch
        {
            "predicted" => new PredictedTarget(),
            "label" => new LabelTarget(),
            _ => classes.Find(text) is >= 0 and var index ? new ClassTarget(index)
            : text.Trim().StartsWith(ClassPrefix, StringComparison.OrdinalIgnoreCase)
            && classes.Find(text.Trim()[ClassPrefix.Length..]) is >= 0 and var named
                ? new ClassTarget(named)
            : null,
        };

    private abstract record SingleTarget : Target
    {
        public abstract int? ClassOf(ReadOnlyMemory<float> logits, int? label);

        public override IEnumerable<ResolvedTarget> Resolve(ReadOnlyMemory<float> logits, int? label) =>
            ClassOf(logits, label) is { } index ? [new ResolvedTarget(index)] : [];
    }

    private sealed record PredictedTarget : SingleTarget
    {
        public override int? ClassOf(ReadOnlyMemory<float> logits, int? label)
        {
            var values = logits.Span;
            var best = 0;
            for (var i = 1; i < values.Length; i++)
                if (values[i] > values[best])
                    best = i;
            return best;
        }

        public override string Canonical(int? label) => "predicted";
    }

    private sealed record LabelTarget : SingleTarget
    {
        public override bool NeedsLabel => true;

        public override int? ClassOf(ReadOnlyMemory<float> logits, int? label) => label;

        public override string Canonical(int? label) => label is null ? "label" : $"label:{label}";
    }

    private sealed record ClassTarget(int Index) : SingleTarget
    {
        public override int? ClassOf(ReadOnlyMemory<float> logits, int? label) => Index;

        public override string Canonical(int? label) => $"class:{Index}";
    }

    private sealed record TopTarget(int Count) : Target
    {
        public override IEnumerable<ResolvedTarget> Resolve(ReadOnlyMemory<float> logits, int? label) =>
            Ranked(logits, Count).Select(index => new ResolvedTarget(index));

        public override string Canonical(int? label) => $"top:{Count}";
    }

    private sealed record ContrastiveTarget(SingleTarget For, SingleTarget Against) : Target
    {
        public override bool NeedsLabel => For.NeedsLabel || Against.NeedsLabel;

        public override bool IsContrastive => true;

        public override IEnumerable<ResolvedTarget> Resolve(ReadOnlyMemory<float> logits, int? label) =>
            For.ClassOf(logits, label) is { } side && Against.ClassOf(logits, label) is { } against && side != against
                ? [new ResolvedTarget(side, against)]
                : [];

        public override string Canonical(int? label) => For.Canonical(label) + Versus + Against.Canonical(label);
    }
}

/// <summary>Class to explain, with an optional contrast.</summary>
public readonly record struct ResolvedTarget(int Class, int? Against = null);

/// <summary>Map to compute, with the canonical texts of the targets that ask for it.</summary>
public sealed record RequestedMap(ResolvedTarget Target, IReadOnlyList<string> Requested);

/// <summary>Reports a target that the model does not have. The message tells the caller the next step.</summary>
public sealed class TargetException(string message) : Exception(message);
