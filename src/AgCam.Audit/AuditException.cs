namespace AgCam.Audit;

/// <summary>An audit cannot use its input. The message names the input, the reason and the next step.</summary>
public sealed class AuditException(string message, Exception? inner = null) : Exception(message, inner);
