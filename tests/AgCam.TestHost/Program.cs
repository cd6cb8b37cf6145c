// One process of the pipeline: AgCam.TestHost role=api|worker|serve|bench store=... bus=... prefix=... root=... [engine=null|model]
// [kill=POINT:N] [poison=SHA256] [poison-image=KEY]
// Or the fault run, which starts such processes and kills them: AgCam.TestHost role=faults images=N engine=null|model
using AgCam.TestHost;
using AgCam.TestHost.Faults;

var given = args.Select(arg => arg.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
return given["role"] switch
{
    "faults" => await FaultProgram.RunAsync(given),
    _ => await Roles.RunAsync(given),
};
