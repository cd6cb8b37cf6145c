using System.CommandLine;
using AgCam.Cli.Remote;

namespace AgCam.Cli.Jobs;

/// <summary>A job's id on the command line: whole, or a beginning of it that no other job has.</summary>
internal static class JobId
{
    private const int PageSize = 1000;

    /// <summary>The longest list of candidates in a message.</summary>
    private const int MaxShown = 3;

    public static Argument<string> Argument() => Check(new Argument<string>("ID") { Description = Description });

    public static Argument<string?> OptionalArgument() =>
        Check(new Argument<string?>("ID") { Description = Description, Arity = ArgumentArity.ZeroOrOne });

    private const string Description = "The job's id as `agcam jobs list` shows it, or its first characters.";

    /// <summary>Returns the id of the one job whose id begins with the text.</summary>
    /// <exception cref="UsageException">No job's id does, or the ids of several do.</exception>
    public static async Task<string> FindAsync(ApiClient client, string text, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(text, out var whole))
            return whole.ToString();
        var found = new List<string>();
        string? cursor = null;
        do
        {
            var page = (
                await client.GetAsync($"/v1/jobs?limit={PageSize}" + (cursor is null ? "" : $"&cursor={cursor}"), cancellationToken)
            )!;
            found.AddRange(
                page["items"]!
                    .AsArray()
                    .Select(job => (string)job!["id"]!)
                    .Where(id => id.StartsWith(text, StringComparison.OrdinalIgnoreCase))
            );
            cursor = (string?)page["next"];
        } while (cursor is not null && found.Count <= MaxShown);
        return found switch
        {
            [var only] => only,
            [] => throw new UsageException($"No job has an id that begins with \"{text}\". `agcam jobs list` shows the ids."),
            _ => throw new UsageException(
                $"\"{text}\" is the beginning of more than one job's id: {string.Join(", ", found.Take(MaxShown))}"
                    + $"{(found.Count > MaxShown ? ", ..." : "")}. Give more characters."
            ),
        };
    }

    private static T Check<T>(T argument)
        where T : Argument
    {
        argument.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !IsBeginning(token.Value)))
                result.AddError(
                    $"\"{token.Value}\" is not a job's id. An id looks like 0198c0de-0000-7000-8000-000000000000; "
                        + "its first characters are enough, e.g. 0198c0de."
                );
        });
        return argument;
    }

    private static bool IsBeginning(string text) =>
        Guid.TryParse(text, out _) || text.Length is > 0 and < 36 && text.Index().All(item => IsAt(item.Index, item.Item));

    private static bool IsAt(int place, char character) =>
        place is 8 or 13 or 18 or 23 ? character == '-' : char.IsAsciiHexDigit(character);
}
