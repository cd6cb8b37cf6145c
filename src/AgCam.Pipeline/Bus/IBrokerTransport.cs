namespace AgCam.Pipeline.Bus;

/// <summary>Sends a message to the broker once. <see cref="BrokerBus"/> retries.</summary>
internal interface IBrokerTransport
{
    /// <summary>Returns when the broker has confirmed the message.</summary>
    /// <param name="id">Id of the message, the same in every attempt.</param>
    /// <param name="mandatory">Whether a message that no queue takes is an error.</param>
    /// <exception cref="TimeoutException">
    /// The broker did not confirm within <see cref="PipelineOptions.ConfirmSeconds"/>. The message may have arrived.
    /// </exception>
    Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class;
}
