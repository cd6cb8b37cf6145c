using System.Globalization;

namespace AgCam.Api;

/// <summary>Reads and checks values of a query string. An error names the parameter, its value and the values allowed.</summary>
internal static class QueryValues
{
    public static string? Text(this IQueryCollection query, string name)
    {
        var values = query[name];
        if (values.Count > 1)
            throw new InvalidRequestException($"{name} is given {values.Count} times.", "Give it once.");
        return string.IsNullOrEmpty(values.ToString()) ? null : values.ToString();
    }

    public static int? Whole(this IQueryCollection query, string name, int from, int to) =>
        query.Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= from && value <= to ? value
        : throw new InvalidRequestException($"{name}={text} is not a whole number from {from} to {to}.", "Correct it, or leave it out.");

    public static double? Number(this IQueryCollection query, string name, double from, double to) =>
        query.Text(name) is not { } text ? null
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value >= from && value <= to
            ? value
        : throw new InvalidRequestException(
            FormattableString.Invariant($"{name}={text} is not a number from {from} to {to}."),
            "Correct it, or leave it out."
        );

    public static bool? Flag(this IQueryCollection query, string name) =>
        query.Text(name) is not { } text ? null
        : bool.TryParse(text, out var value) ? value
        : throw new InvalidRequestException($"{name}={text} is neither true nor false.", "Correct it, or leave it out.");

    public static DateTimeOffset? Time(this IQueryCollection query, string name) =>
        query.Text(name) is not { } text ? null
        : DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var value)
            ? value
        : throw new InvalidRequestException(
            $"{name}={text} is not a time.",
            "Write it like 2026-01-31T12:00:00Z, or 2026-01-31 for the beginning of that day in UTC."
        );

    private static readonly string[] TimeFormats =
    [
        "yyyy-MM-dd",
        "yyyy-MM-dd'T'HH:mmK",
        "yyyy-MM-dd'T'HH:mm:ssK",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
    ];

    public static T? OneOf<T>(this IQueryCollection query, string name)
        where T : struct, Enum =>
        query.Text(name) is not { } text
            ? null
            : Enum.GetValues<T>()
                .Where(value => value.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
                .Select(value => (T?)value)
                .FirstOrDefault()
                ?? throw new InvalidRequestException(
                    $"{name}={text} is not one of {string.Join(", ", Enum.GetNames<T>())}.",
                    "Use one of them, or leave it out."
                );

    public static Guid? Id(this IQueryCollection query, string name) =>
        query.Text(name) is not { } text ? null
        : Guid.TryParseExact(text, "D", out var value) ? value
        : throw new InvalidRequestException($"{name}={text} is not an id.", "An id looks like 0198c0de-0000-7000-8000-000000000000.");

    public static Digest? Sha256(this IQueryCollection query, string name) =>
        query.Text(name) is not { } text ? null
        : Digest.TryParse(text, out var value) ? value
        : throw new InvalidRequestException($"{name}={text} is not a SHA-256.", "It has 64 hexadecimal digits.");

    /// <summary>Refuses unknown parameters: an ignored filter would give a wrong answer that looks right.</summary>
    public static TBuilder TakesQuery<TBuilder>(this TBuilder endpoint, params string[] names)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint
            .WithMetadata(new TakenQuery(names))
            .AddEndpointFilter(
                (context, next) =>
                    context.HttpContext.Request.Query.Keys.FirstOrDefault(key => !names.Contains(key)) is { } unknown
                        ? ValueTask.FromResult<object?>(
                            Problem.Invalid(
                                $"{unknown} is not a query parameter of {context.HttpContext.Request.Path}.",
                                names.Length == 0 ? "Leave it out: there are none." : $"Allowed are {string.Join(", ", names)}."
                            )
                        )
                        : next(context)
            );
}

/// <summary>Metadata: query parameters of an endpoint, for the OpenAPI document.</summary>
internal sealed record TakenQuery(IReadOnlyList<string> Names);
