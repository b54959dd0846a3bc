      <rule key="{$key}" filter="&quot;bands&quot; = '$group'" label="$group"$checked>
$rules      </rule>
