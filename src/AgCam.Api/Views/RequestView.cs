using System.Text.Json.Serialization;

namespace AgCam.Api.Views;

[JsonConverter(typeof(JsonStringEnumConverter<RequestState>))]
internal enum RequestState
{
    /// <summary>Accepted; no worker has it yet.</summary>
    Queued,

    Running,
    Completed,
    Failed,
}

/// <summary>A request for one image, and what came of it.</summary>
/// <param name="Id">Follow it at /v1/requests/{id}.</param>
/// <param name="Item">Once it is Completed or Failed.</param>
/// <param name="Explanation">Once it is Completed.</param>
internal sealed record RequestView(Guid Id, RequestState State, ItemView? Item = null, ExplanationView? Explanation = null);
