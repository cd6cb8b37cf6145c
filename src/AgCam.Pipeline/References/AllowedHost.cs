using System.Globalization;

namespace AgCam.Pipeline.References;

/// <summary>
/// Host that the operator allows: "images.example.org", or "*.example.org" for every host below it. Without a port, 80 and 443 are allowed;
/// with one ("images.example.org:8443", "[2001:db8::1]:8443"), only that port is.
/// </summary>
internal sealed record AllowedHost(string Name, int? Port)
{
    private const string Below = "*.";

    /// <summary>Parses a host as the operator writes it.</summary>
    /// <exception cref="OptionsException">The text is not a host, or its port is not a number from 1 to 65535.</exception>
    public static AllowedHost Parse(string text, string setting)
    {
        var (name, port) = Split(text);
        var isPort = int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 65535;
        if (port is not null && !isPort)
            throw new OptionsException($"{setting}: \"{text}\" has no port from 1 to 65535 after the colon. Correct it.");
        var host = name.StartsWith(Below, StringComparison.Ordinal) ? name[Below.Length..] : name;
        var kind = Uri.CheckHostName(host);
        if (kind == UriHostNameType.Unknown)
            throw new OptionsException(
                $"{setting}: \"{text}\" is not a host. Write images.example.org, *.example.org or images.example.org:8443."
            );
        var canonical = kind == UriHostNameType.IPv6 ? new Uri($"http://[{name}]").IdnHost : name;
        return new AllowedHost(canonical, port is null ? null : number);
    }

    /// <summary>Returns the host and the port of an address, in the form that <see cref="Parse"/> reads.</summary>
    public static string Of(Uri uri) =>
        uri.HostNameType == UriHostNameType.IPv6 ? $"[{uri.IdnHost}]:{uri.Port}" : $"{uri.IdnHost}:{uri.Port}";

    /// <summary>Returns whether an address names this host and an allowed port.</summary>
    public bool Allows(Uri uri) => IsNamed(uri.IdnHost) && (Port is { } port ? uri.Port == port : uri.Port is 80 or 443);

    private bool IsNamed(string host) =>
        Name.StartsWith(Below, StringComparison.Ordinal)
            ? host.EndsWith(Name[1..], StringComparison.OrdinalIgnoreCase) && host.Length > Name.Length - 1
            : string.Equals(Name, host, StringComparison.OrdinalIgnoreCase);

    /// <summary>Splits host and port. An IPv6 address contains colons, so it needs brackets before a port.</summary>
    private static (string Name, string? Port) Split(string text)
    {
        if (text.StartsWith('[') && text.IndexOf(']') is var end and > 0)
            return (text[1..end], text.Length == end + 1 ? null : text[(end + 1)..].TrimStart(':'));
        var colon = text.IndexOf(':');
        return colon < 0 || colon != text.LastIndexOf(':') ? (text, null) : (text[..colon], text[(colon + 1)..]);
    }
}
